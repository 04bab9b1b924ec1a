"""Run directories made from records, without a search."""

from __future__ import annotations

import pathlib

from maenas_tf.runs import files, kinds
from maenas_tf.runs.run_directory import RunDirectory
from maenas_tf.runs.run_record import RunRecord
from maenas_tf.searching.config import SearchConfig


def store(path: pathlib.Path, record: RunRecord) -> None:
    """Writes a record as the search that it tells of would have."""
    config = SearchConfig(**record.settings)
    run = RunDirectory(path, config)
    run.write_config(config)
    run.write_genotype(record.genotype)
    stacks = {f"weights_{k}": stack for k, stack in record.weights.items()}
    other = {"alphas_other": next(iter(stacks.values()))}
    run.write_history(record.rows, {**stacks, **other})
    for name, content in record.pictures.items():
        run.write_bytes(f"{files.PLOTS}/{name}", content)
    run.write_summary(kinds.SEARCH, record.summary)
    run.close()
    (path / ".lock").unlink()
