"""losses.csv: a row for each architecture, task and number of steps."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

from maenas_tf.config import ConfigError
from maenas_tf.runs import files
from maenas_tf.runs.csv_files import read_rows
from maenas_tf.spaces import Genotype

_COLUMNS = {
    "architecture": str,
    "task": str,
    "step": int,
    "held_out_loss": float,
    "true_accuracy": float,
    "parameters": int,
    "macs": int,
}

Row = dict[str, Any]


def read_losses(directory: pathlib.Path) -> list[Row]:
    """Returns the rows of what is finished, none before the first.

    Raises:
        ConfigError: the file cannot be read.
    """
    path = directory / files.LOSSES
    if not path.exists():
        return []
    try:
        return [
            {name: kind(row[name]) for name, kind in _COLUMNS.items()}
            for row in read_rows(path)
        ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"--run_dir={directory} holds a {files.LOSSES} that cannot be read "
            f"({error!r}); give another directory."
        ) from error


def sort_rows(
    rows: list[Row], genotypes: Sequence[Genotype], tasks: Sequence[str]
) -> None:
    """Sorts rows as they come where one is judged after the other.

    Args:
        rows: in whatever order they came.
        genotypes: in their order.
        tasks: names of what judges them, in their order.
    """
    places = {str(genotype): n for n, genotype in enumerate(genotypes)}
    rows.sort(
        key=lambda row: (
            places[row["architecture"]],
            tasks.index(row["task"]),
            row["step"],
        )
    )
