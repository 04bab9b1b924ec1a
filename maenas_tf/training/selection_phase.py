"""The last phase of a search: architectures judged inside the supernet."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tqdm

from maenas_tf.analysis import statistics
from maenas_tf.search.architectures import Architectures, Choice
from maenas_tf.search.constraints import Budget
from maenas_tf.search.selection import Problem, Selection
from maenas_tf.spaces import Genotype
from maenas_tf.training.candidate_table import CandidateTable
from maenas_tf.training.loop import Interrupted, SignalWatch
from maenas_tf.training.progress import progress_bar, say
from maenas_tf.training.run_directory import RunDirectory
from maenas_tf.training.subnet_scorer import SubnetScorer

# Candidates of one call of the graph: as many as take about so long, so that
# a signal and the progress bar need not wait.
_CHUNK_SECONDS = 2.0
_SECONDS_BETWEEN_FILES = 10.0


class SelectionPhase:
    """Runs a selection, resumably.

    What was scored stands in candidates.csv. A selection that goes on begins
    anew and finds there what it had; as it is a function of the scores and
    the seed, it ends the same.

    Args:
        selection: chooses.
        architectures: of the space.
        budget: the limits.
        seed: of the selection.
        run_directory: where candidates.csv is.
        signals: looked at between calls of the graph.
    """

    def __init__(
        self,
        selection: Selection,
        architectures: Architectures,
        budget: Budget,
        seed: int,
        run_directory: RunDirectory,
        signals: SignalWatch,
    ):
        self.selection = selection
        self.architectures = architectures
        self.budget = budget
        self.table = CandidateTable(run_directory)
        self.signals = signals
        self.problem = Problem(architectures, budget, self._score, seed)
        self._candidate_seconds: float | None = None
        self._written_at = time.monotonic()

    def run(self, make_scorer: Callable[[], SubnetScorer]) -> dict[str, Any]:
        """Selects; returns what summary.json says about it.

        Args:
            make_scorer: makes what gives the losses.

        Returns:
            Among others "genotype", a `Genotype`, which summary.json holds in
            another place.

        Raises:
            Interrupted: a signal came; what was scored is kept.
        """
        self._scorer = make_scorer()
        known = len(self.table.rows)
        most = self.selection.most_candidates(self.problem)
        if known:
            say(f"selection: going on after {known} candidates")
        with progress_bar(most, known, "candidate") as self._bar:
            choice = self.selection.select(self.problem)
        self.table.write()
        genotype = self.architectures.genotype(choice)
        loss = self.table.losses[str(genotype)]
        say(f"selected: held-out loss {loss:.4f}\n  {genotype}")
        warning = statistics.collapse_warning(genotype)
        if warning:
            say(f"  warning: {warning}")
        return {
            "genotype": genotype,
            "held_out_loss": loss,
            "held_out_images": self._scorer.num_images,
            "candidates": len(self.table.rows),
            "seconds": round(self.table.seconds, 3),
        }

    def _score(self, choices: Sequence[Choice]) -> list[float]:
        genotypes = [self.architectures.genotype(c) for c in choices]
        names = [str(genotype) for genotype in genotypes]
        unknown = {
            name: (choice, genotype)
            for name, choice, genotype in zip(
                names, choices, genotypes, strict=True
            )
            if name not in self.table.losses
        }
        left = list(unknown.values())
        while left:
            count = 1
            if self._candidate_seconds is not None:
                count = max(1, int(_CHUNK_SECONDS / self._candidate_seconds))
            self._score_some(left[:count])
            left = left[count:]
        return [self.table.losses[name] for name in names]

    def _score_some(self, some: list[tuple[Choice, Genotype]]) -> None:
        begin = time.monotonic()
        choices = [choice for choice, _ in some]
        losses = self._scorer(self.architectures.edge_weights(choices))
        seconds = time.monotonic() - begin
        # The first call traces; it says nothing about the pace.
        first = self._candidate_seconds is None
        self._candidate_seconds = 0.5 if first else seconds / len(some)
        self.table.seconds += seconds
        for (_, genotype), loss in zip(some, losses, strict=True):
            cost = self.budget.cost(genotype)
            self.table.add(genotype, float(loss), cost)
        self._bar.update(len(some))
        best = float(np.nanmin([*self.table.losses.values(), np.inf]))
        self._bar.set_postfix_str(f"least loss {best:.4f}", refresh=False)
        self._keep()

    def _keep(self) -> None:
        """Writes the file now and then, and when a signal has come."""
        now = time.monotonic()
        if now - self._written_at > _SECONDS_BETWEEN_FILES:
            self.table.write()
            self._written_at = now
        if self.signals.received:
            self.table.write()
            raise Interrupted(
                f"stopped by {self.signals.received} in the selection after "
                f"{len(self.table.rows)} candidates; {self.table.path} keeps "
                f"them"
            )

    _bar: tqdm.tqdm
    _scorer: SubnetScorer
