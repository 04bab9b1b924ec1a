"""candidates.csv: what a selection has scored, and what it need not again."""

from __future__ import annotations

import csv

from maenas_tf.config import ConfigError
from maenas_tf.models.costs import Cost
from maenas_tf.spaces import Genotype
from maenas_tf.training.loss_table import csv_text
from maenas_tf.training.run_directory import RunDirectory

CANDIDATES = "candidates.csv"


class CandidateTable:
    """The scored candidates of a run directory, in the order of scoring.

    Columns: genotype; held_out_loss; parameters and macs of its network at
    the evaluation's size; seconds, how long the selection had run by then.

    Args:
        run_directory: where the file is.

    Raises:
        ConfigError: the file cannot be read.
    """

    def __init__(self, run_directory: RunDirectory):
        self.run_directory = run_directory
        self.path = run_directory.path / CANDIDATES
        self.rows: list[dict[str, object]] = []
        self.losses: dict[str, float] = {}
        self.seconds = 0.0
        if self.path.exists():
            self._read()

    def _read(self) -> None:
        try:
            with open(self.path, newline="") as file:
                for row in csv.DictReader(file):
                    self.losses[row["genotype"]] = float(row["held_out_loss"])
                    self.seconds = float(row["seconds"])
                    self.rows.append(row)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"--run_dir={self.run_directory.path} holds a {CANDIDATES} "
                f"that cannot be read ({error!r}); remove that file to score "
                f"the candidates again."
            ) from error

    def add(self, genotype: Genotype, loss: float, cost: Cost) -> None:
        """Notes a candidate, scored at `seconds`."""
        self.losses[str(genotype)] = loss
        self.rows.append(
            {
                "genotype": str(genotype),
                # Reads back as the same number.
                "held_out_loss": repr(loss),
                "parameters": cost.parameters,
                "macs": cost.macs,
                "seconds": round(self.seconds, 3),
            }
        )

    def write(self) -> None:
        """Writes the file, at once or not at all."""
        if self.rows:
            self.run_directory.write_text(CANDIDATES, csv_text(self.rows))
