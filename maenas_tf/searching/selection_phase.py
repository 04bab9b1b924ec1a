"""The last phase of a search: architectures judged inside the supernet."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from maenas_tf.engine.console import ProgressBar, say
from maenas_tf.engine.devices import present_strategy
from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.engine.workers import Workers
from maenas_tf.runs import files
from maenas_tf.runs.run_directory import RunDirectory
from maenas_tf.runs.score_table import ScoreTable
from maenas_tf.scores import SCORES, Score
from maenas_tf.scores.joint import parse
from maenas_tf.scores.rules import RULES
from maenas_tf.searching.scoring_places import (
    Item,
    PoolMaker,
    Scorer,
    ScoringHere,
    ScoringOnNodes,
)
from maenas_tf.searching.tuning import Tuning
from maenas_tf.selection.constraints import Budget
from maenas_tf.selection.selection import Problem, ScoringSelection, Variant
from maenas_tf.spaces import statistics
from maenas_tf.spaces.architectures import Architectures, Choice, EdgeWeights

_SECONDS_BETWEEN_FILES = 10.0


class SelectionPhase:
    """Runs a selection, resumably.

    What was scored stands in candidates.csv: architectures with their scores,
    and parameters and multiply-accumulates of their network at the
    evaluation's size; of a perturbation in perturbations.csv. A selection
    that goes on begins anew and finds there what it had; as it is a function
    of the scores and the seed, it ends the same.

    Args:
        selection: chooses.
        architectures: of the space.
        budget: the limits.
        seed: of the selection.
        run_directory: where the tables are.
        signals: looked at between calls of the graph.
        weights: those of the alphas, if there are any.
        workers: that select together, by the chief's scores; None is this
            process alone.
        make_pool: makes the workers on nodes that score; None scores here.
        facts: makes the arguments of `make_chunk_scorer`, where they do.
    """

    def __init__(
        self,
        selection: ScoringSelection,
        architectures: Architectures,
        budget: Budget,
        seed: int,
        run_directory: RunDirectory,
        signals: SignalWatch,
        weights: EdgeWeights,
        workers: Workers | None = None,
        make_pool: PoolMaker | None = None,
        facts: Callable[[], Sequence[Any]] = tuple,
    ):
        self.selection = selection
        self.workers = workers or Workers(present_strategy())
        self.architectures = architectures
        self.budget = budget
        names = parse(selection.score)
        self.scores: list[type[Score]] = [SCORES.get(name) for name in names]
        self.signs = np.array(
            [1.0 if score.higher_is_better else -1.0 for score in self.scores]
        )
        columns = [score.column for score in self.scores]
        self.label = selection.score
        if len(names) == 1:
            self.label = self.scores[0].label
        # Those that are compared, in the order in which they were asked for.
        self._compared: dict[str, None] = {}
        self.candidates, self.variants = (
            ScoreTable(run_directory, name, key, columns)
            for name, key in (
                (files.CANDIDATES, "genotype"),
                (files.VARIANTS, "variant"),
            )
        )
        self.tables = (self.candidates, self.variants)
        self.signals = signals
        self.problem = Problem(
            architectures,
            budget,
            self._score,
            seed,
            weights,
            self._score_variants,
            self._tune,
        )
        self.seconds = max(table.seconds for table in self.tables)
        self._tuning: Tuning | None = None
        self._make_pool, self._facts = make_pool, facts
        self._written_at = time.monotonic()

    @property
    def num_scored(self) -> int:
        """How much was scored, by this process and earlier ones."""
        return sum(len(table.rows) for table in self.tables)

    def run(
        self,
        make_scorer: Callable[[], Scorer],
        make_tuning: Callable[[int], Tuning] | None = None,
    ) -> dict[str, Any]:
        """Selects; returns what summary.json says about it.

        Args:
            make_scorer: makes what gives the scores.
            make_tuning: makes, of how often that may be, what trains the
                supernet between decisions; None for no tuning.

        Returns:
            Among others "genotype", a `Genotype`, which summary.json holds in
            another place.

        Raises:
            Interrupted: a signal came; what was scored is kept.
        """
        if make_tuning is not None:
            most = self.selection.most_tunings(self.problem)
            self._tuning = make_tuning(most)
        most = self.selection.most_candidates(self.problem)
        if self.num_scored:
            say(f"selection: going on after {self.num_scored} candidates")
        with (
            contextlib.closing(self._make_place(make_scorer)) as self._place,
            ProgressBar(most, self.num_scored, "candidate") as self._bar,
        ):
            choice = self.selection.select(self.problem)
            (cost,) = self._score([choice])
        self._write()
        genotype = self.architectures.genotype(choice)
        found = self._found(str(genotype), cost)
        say(f"selected: {self.label} {next(iter(found.values())):.4f}")
        say(f"  {genotype}")
        warning = statistics.collapse_warning(genotype)
        if warning:
            say(f"  warning: {warning}")
        images, tuned = {}, {}
        if any(score.needs_images for score in self.scores):
            images = {"held_out_images": self._place.num_images}
        if self._tuning is not None:
            tuned = {
                "tuning_seconds": round(self._tuning.seconds, 3),
                "tuning_images": self._tuning.num_images,
            }
        return {
            "genotype": genotype,
            **found,
            **images,
            "candidates": self.num_scored,
            "seconds": round(self.seconds, 3),
            **tuned,
        }

    def _make_place(
        self, make_scorer: Callable[[], Scorer]
    ) -> ScoringHere | ScoringOnNodes:
        if self._make_pool is None:
            return ScoringHere(make_scorer(), self.workers)
        return ScoringOnNodes(
            self._make_pool, self._facts(), lambda: make_scorer().num_images
        )

    def _score(self, choices: Sequence[Choice]) -> list[float]:
        """Returns a number for each choice, the lower the better.

        Of several scores it is relative to all choices that were asked for,
        by now and in this process: what a table holds from before a signal
        is not compared before its turn, so that a selection ends the same.
        """
        keys = self._known(
            self.candidates, (self._candidate(choice) for choice in choices)
        )
        self._compared.update(dict.fromkeys(keys))
        rows = np.array([self.candidates.scores[k] for k in self._compared])
        totals = self._totals(rows)
        costs = dict(zip(self._compared, -totals, strict=True))
        return [float(costs[key]) for key in keys]

    def _totals(self, rows: np.ndarray) -> np.ndarray:
        """Returns one number for each row of scores, the higher the better."""
        rows = rows * self.signs
        if len(self.scores) == 1:
            return rows[:, 0]
        return RULES.get(self.selection.rule)(rows)

    def _found(self, key: str, cost: float) -> dict[str, float]:
        """Returns what is told of the choice: its number and its scores."""
        scores = zip(
            self.candidates.columns, self.candidates.scores[key], strict=True
        )
        if len(self.scores) == 1:
            return dict(scores)
        return {
            "score": -cost,
            "by_scores": self.selection.score,
            "rule": self.selection.rule,
            **dict(scores),
        }

    def _candidate(self, choice: Choice) -> Item:
        genotype = self.architectures.genotype(choice)

        def weights() -> EdgeWeights:
            stacked = self.architectures.edge_weights([choice])
            return {kind: array[0] for kind, array in stacked.items()}

        def cost() -> dict[str, Any]:
            return dataclasses.asdict(self.budget.cost(genotype))

        return Item(str(genotype), weights, genotype, cost)

    def _tune(self, number: int, weights: EdgeWeights) -> None:
        if self._tuning is not None:
            # No later weights could give these scores again.
            self._write()
            self._tuning(number, weights)

    def _score_variants(self, variants: Sequence[Variant]) -> list[float]:
        keys = self._known(
            self.variants,
            (Item(v.name, lambda v=v: v.weights) for v in variants),
        )
        return [self.variants.scores[key][0] for key in keys]

    def _known(self, table: ScoreTable, items: Iterable[Item]) -> list[str]:
        """Scores what the table has not; returns the keys of the items."""
        by_key = {}
        keys = [by_key.setdefault(i.key, i).key for i in items]
        left = [i for key, i in by_key.items() if key not in table.scores]
        if left and self._tuning is not None:
            self._tuning.check_scored()
        begin = time.monotonic()
        for done, numbers in self._place.results(left, self._keep):
            self.seconds += time.monotonic() - begin
            self._add(table, done, numbers)
            begin = time.monotonic()
        table.arrange(keys)
        return keys

    def _add(
        self, table: ScoreTable, items: Sequence[Item], numbers: np.ndarray
    ) -> None:
        for item, number in zip(items, numbers, strict=True):
            table.add(item.key, number, self.seconds, item.more())
        self._bar.update(len(items))
        if self.candidates.scores and len(self.scores) == 1:
            totals = self._totals(np.array([*self.candidates.scores.values()]))
            best = self.signs[0] * np.nanmax([*totals, -np.inf])
            self._bar.annotate(f"best {self.label} {best:.4f}")
        self._keep()

    def _keep(self) -> None:
        """Writes the tables now and then, and when a signal has come."""
        self.workers.agree(self.signals)
        now = time.monotonic()
        if now - self._written_at > _SECONDS_BETWEEN_FILES:
            self._write()
            self._written_at = now
        if self.signals.received:
            self._write()
            raise Interrupted(
                f"stopped by {self.signals.received} in the selection after "
                f"{self.num_scored} candidates; "
                f"{self.candidates.run_directory.path} keeps their scores"
            )

    def _write(self) -> None:
        for table in self.tables:
            table.write()
