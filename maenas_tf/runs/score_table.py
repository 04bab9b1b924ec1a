"""A table of what a selection has scored, and need not score again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maenas_tf.config import ConfigError
from maenas_tf.runs.csv_files import csv_text, read_rows
from maenas_tf.runs.run_directory import RunDirectory

SECONDS = "seconds"


class ScoreTable:
    """Scores in a file of the run directory, in the order of scoring.

    Args:
        run_directory: where the file is.
        name: of the file.
        key: the column that tells one from another.
        score: the column of what was found.

    Raises:
        ConfigError: the file cannot be read.
    """

    def __init__(
        self, run_directory: RunDirectory, name: str, key: str, score: str
    ):
        self.run_directory = run_directory
        self.name = name
        self.key = key
        self.score = score
        self.path = run_directory.path / name
        self.rows: list[dict[str, Any]] = []
        self.scores: dict[str, float] = {}
        self.seconds = 0.0
        if self.path.exists():
            self._read()

    def _read(self) -> None:
        try:
            for row in read_rows(self.path):
                self.scores[row[self.key]] = float(row[self.score])
                self.seconds = float(row[SECONDS])
                self.rows.append(row)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"--run_dir={self.run_directory.path} holds a {self.name} "
                f"that cannot be read ({error!r}); remove that file to score "
                f"anew."
            ) from error

    def add(
        self, key: str, score: float, seconds: float, more: Mapping[str, Any]
    ) -> None:
        """Adds a row.

        Args:
            key: of what was scored.
            score: what was found.
            seconds: how long the selection had run by then.
            more: further columns.
        """
        self.scores[key] = score
        self.seconds = seconds
        # `repr` reads back as the same number.
        row = {self.key: key, self.score: repr(score), **more}
        self.rows.append({**row, SECONDS: round(seconds, 3)})

    def write(self) -> None:
        """Writes the file, at once or not at all."""
        if self.rows:
            self.run_directory.write_text(self.name, csv_text(self.rows))
