"""The history of a run: what its epochs left, in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from maenas_tf.config import ConfigError
from maenas_tf.runs import files
from maenas_tf.runs.run_directory import RunDirectory

# Columns of texts, though some look like numbers: the genotypes of a space.
_TEXTS = ("genotype",)


class History:
    """Rows and arrays of a run's epochs, in their order.

    Attributes:
        rows: one an epoch, column to value, the same for epochs that an
            earlier process ran; an empty text where there is no value.
    """

    def __init__(self):
        self.rows: list[dict[str, Any]] = []
        self._arrays: dict[str, list[np.ndarray]] = {}

    def append_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Adds an epoch's arrays, name to array, the same names each time."""
        for name, array in arrays.items():
            self._arrays.setdefault(name, []).append(array)

    def append_row(self, row: Mapping[str, Any]) -> None:
        """Adds an epoch's figures, column to value."""
        self.rows.append(dict(row))

    def stacked_arrays(self) -> dict[str, np.ndarray]:
        """Returns name to array [epochs, ...]."""
        return {name: np.stack(each) for name, each in self._arrays.items()}

    def write(self, run_directory: RunDirectory) -> None:
        """Writes all epochs into the run directory."""
        run_directory.write_history(self.rows, self.stacked_arrays())

    def resume(
        self,
        run_directory: RunDirectory,
        num_epochs: int,
        with_arrays: bool = True,
    ) -> None:
        """Takes up the first epochs of what was written, without the rest.

        A process may have died between writing an epoch's row and its
        checkpoint; that epoch is run again.

        Args:
            run_directory: of the run.
            num_epochs: how many epochs the checkpoint has seen.
            with_arrays: whether there are to be arrays.

        Raises:
            ConfigError: there are fewer epochs, or a file cannot be read.
        """
        if not num_epochs:
            return
        rows, arrays = run_directory.read_history(with_arrays)
        if num_epochs > min(map(len, [rows, *arrays.values()])):
            raise ConfigError(
                f"--run_dir={run_directory.path} holds a {files.HISTORY} or "
                f"{files.ALPHAS} of fewer than the {num_epochs} epochs that "
                f"its checkpoint has seen; give another directory."
            )
        self.rows = [
            {name: read_value(name, text) for name, text in row.items()}
            for row in rows[:num_epochs]
        ]
        self._arrays = {
            name: list(stack[:num_epochs]) for name, stack in arrays.items()
        }


def read_value(name: str, text: str) -> int | float | str:
    """Returns what was written as this text in a column of history.csv."""
    if name not in _TEXTS:
        for kind in (int, float):
            with contextlib.suppress(ValueError):
                return kind(text)
    return text
