"""A table of what a selection has scored, and need not score again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maenas_tf.config import ConfigError
from maenas_tf.runs.csv_files import csv_text, read_rows
from maenas_tf.runs.run_directory import RunDirectory

LOSS, SECONDS = "held_out_loss", "seconds"


class ScoreTable:
    """Scores in a file of the run directory, in the order of scoring.

    Args:
        run_directory: where the file is.
        name: of the file.
        key: the column that tells one from another.

    Raises:
        ConfigError: the file cannot be read.
    """

    def __init__(self, run_directory: RunDirectory, name: str, key: str):
        self.run_directory = run_directory
        self.name = name
        self.key = key
        self.path = run_directory.path / name
        self.rows: list[dict[str, Any]] = []
        self.losses: dict[str, float] = {}
        self.seconds = 0.0
        if self.path.exists():
            self._read()

    def _read(self) -> None:
        try:
            for row in read_rows(self.path):
                self.losses[row[self.key]] = float(row[LOSS])
                self.seconds = float(row[SECONDS])
                self.rows.append(row)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"--run_dir={self.run_directory.path} holds a {self.name} "
                f"that cannot be read ({error!r}); remove that file to score "
                f"anew."
            ) from error

    def add(
        self, key: str, loss: float, seconds: float, more: Mapping[str, Any]
    ) -> None:
        """Adds a row.

        Args:
            key: of what was scored.
            loss: its held-out loss.
            seconds: how long the selection had run by then.
            more: further columns.
        """
        self.losses[key] = loss
        self.seconds = seconds
        # `repr` reads back as the same number.
        row = {self.key: key, LOSS: repr(loss), **more}
        self.rows.append({**row, SECONDS: round(seconds, 3)})

    def write(self) -> None:
        """Writes the file, at once or not at all."""
        if self.rows:
            self.run_directory.write_text(self.name, csv_text(self.rows))
