"""Run directories made from records, without a search."""

from __future__ import annotations

import pathlib

from maenas_tf.config import SearchConfig
from maenas_tf.runs.run_directory import RunDirectory
from maenas_tf.runs.run_record import RunRecord


def store(path: pathlib.Path, record: RunRecord) -> None:
    """Writes a record as the search that it tells of would have."""
    config = SearchConfig(**record.settings)
    run = RunDirectory(path, config)
    run.write_config(config)
    run.write_genotype(record.genotype)
    for epoch, row in enumerate(record.rows):
        arrays = {
            f"weights_{kind}": stack[epoch]
            for kind, stack in record.weights.items()
        }
        run.append_arrays({**arrays, "alphas_other": arrays.popitem()[1]})
        run.append_epoch(row)
    for name, content in record.pictures.items():
        (run.subdirectory("plots") / name).write_bytes(content)
    run.write_summary(record.summary)
    run.close()
    (path / ".lock").unlink()
