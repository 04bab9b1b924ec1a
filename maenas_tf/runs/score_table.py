"""A table of what a selection has scored, and need not score again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        columns: those of what was found.

    Attributes:
        scores: key to what was found, in the order of the columns.

    Raises:
        ConfigError: the file cannot be read.
    """

    def __init__(
        self,
        run_directory: RunDirectory,
        name: str,
        key: str,
        columns: Sequence[str],
    ):
        self.run_directory = run_directory
        self.name = name
        self.key = key
        self.columns = tuple(columns)
        self.path = run_directory.path / name
        self.rows: list[dict[str, Any]] = []
        self.scores: dict[str, tuple[float, ...]] = {}
        self.seconds = 0.0
        if self.path.exists():
            self._read()

    def _read(self) -> None:
        try:
            for row in read_rows(self.path):
                self.scores[row[self.key]] = tuple(
                    float(row[column]) for column in self.columns
                )
                self.seconds = max(self.seconds, float(row[SECONDS]))
                self.rows.append(row)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"--run_dir={self.run_directory.path} holds a {self.name} "
                f"that cannot be read ({error!r}); remove that file to score "
                f"anew."
            ) from error

    def add(
        self,
        key: str,
        scores: Sequence[float],
        seconds: float,
        more: Mapping[str, Any],
    ) -> None:
        """Adds a row.

        Args:
            key: of what was scored.
            scores: what was found, a number for each column.
            seconds: how long the selection had run by then.
            more: further columns.
        """
        self.scores[key] = tuple(float(score) for score in scores)
        self.seconds = seconds
        # `repr` reads back as the same number.
        found = zip(self.columns, map(repr, self.scores[key]), strict=True)
        row = {self.key: key, **dict(found), **more}
        self.rows.append({**row, SECONDS: round(seconds, 3)})

    def arrange(self, keys: Sequence[str]) -> None:
        """Puts some rows in the order of their keys, in the places they have.

        Args:
            keys: those of rows that are there.
        """
        rank: dict[str, int] = {}
        for key in keys:
            rank.setdefault(key, len(rank))
        places = [i for i, r in enumerate(self.rows) if r[self.key] in rank]
        rows = [self.rows[place] for place in places]
        rows.sort(key=lambda row: rank[row[self.key]])
        for place, row in zip(places, rows, strict=True):
            self.rows[place] = row

    def write(self) -> None:
        """Writes the file, at once or not at all."""
        if self.rows:
            self.run_directory.write_text(self.name, csv_text(self.rows))
