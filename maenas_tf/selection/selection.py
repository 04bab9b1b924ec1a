"""Which architecture is taken when the supernet is trained."""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np

from maenas_tf.config import ConfigError
from maenas_tf.config.random_streams import EXHAUSTIVE
from maenas_tf.registry import Registry
from maenas_tf.selection.constraints import Budget
from maenas_tf.spaces import Space
from maenas_tf.spaces.architectures import Architectures, Choice, EdgeWeights

SELECTIONS: Registry = Registry("selection")

# What nobody waits for; ours.
MOST_EXHAUSTIVE = 100_000
# Draws before one within the limits is constructed.
_TRIES = 100


@dataclasses.dataclass(frozen=True)
class Variant:
    """A supernet with other weights on its edges than the alphas'.

    Attributes:
        name: by which its loss is known again; no two of a selection share
            one.
        weights: cell type to [edges, primitives].
    """

    name: str
    weights: EdgeWeights


@dataclasses.dataclass(frozen=True)
class Problem:
    """The architectures to choose from and how they are judged.

    Attributes:
        architectures: of the space.
        budget: says which of them keep the limits.
        score: returns a number for each choice, in order, the lower the
            better; what was scored once costs nothing. Numbers of several
            scores are relative to all that was scored: compare those of one
            call alone.
        seed: of everything random.
        weights: those of the alphas, cell type to [edges, primitives]; empty
            where there are none.
        score_variants: as `score`, of variants of the supernet.
        tune: trains the supernet on at edge weights, where that is asked for;
            called with how many times it has been called, this one included,
            and the weights.
    """

    architectures: Architectures
    budget: Budget
    score: Callable[[Sequence[Choice]], Sequence[float]]
    seed: int = 0
    weights: EdgeWeights = dataclasses.field(default_factory=dict)
    score_variants: Callable[[Sequence[Variant]], Sequence[float]] | None = None
    tune: Callable[[int, EdgeWeights], None] = lambda number, weights: None

    @functools.cached_property
    def _limited(self) -> bool:
        return bool(self.budget.limits.active())

    def allows(self, choice: Choice) -> bool:
        """Whether a choice keeps the limits."""
        if not self._limited:
            return True
        genotype = self.architectures.genotype(choice)
        return self.budget.allows(genotype)

    def random(self, rng: np.random.Generator) -> Choice:
        """Returns a random choice within the limits.

        Uniform unless the limits are so tight that a hundred draws break
        them; then it is the strongest within them for random weights.
        """
        for _ in range(_TRIES):
            choice = self.architectures.random(rng)
            if self.allows(choice):
                return choice
        weights = {
            kind.name: rng.random((kind.num_edges, kind.max_primitives))
            for kind in self.architectures.space.cell_types
        }
        return self.architectures.choice(self.budget.strongest(weights))

    def ranked(self, choices: Sequence[Choice]) -> list[tuple[float, Choice]]:
        """Returns (number, choice), the best first; of equals the first.

        What is not a number is the worst.
        """
        losses = _worst_if_nan(self.score(choices))
        order = np.argsort(losses, kind="stable")
        return [(float(losses[i]), choices[i]) for i in order]

    def losses(self, variants: Sequence[Variant]) -> np.ndarray:
        """Returns the losses of variants; what is not a number is infinite."""
        return _worst_if_nan(self.score_variants(variants))


def _worst_if_nan(losses: Sequence[float]) -> np.ndarray:
    losses = np.asarray(losses, np.float64)
    return np.where(np.isnan(losses), np.inf, losses)


class Selection:
    """Which architecture is taken.

    Attributes:
        scores: whether candidates are scored, as a `ScoringSelection` does;
            if not, the algorithm derives the genotype from the alphas.
        needs_alphas: whether only a supernet with alphas will do.
        reads_alphas: whether what they weigh decides, or proposes, so that
            their mean over epochs or restarts will do as well.
        tunes: whether the supernet may be trained on between decisions.
    """

    scores = False
    needs_alphas = False
    reads_alphas = False
    tunes = False

    def check(self, space: Space) -> None:
        """Raises ConfigError if it is not for a space."""
        del space


class ScoringSelection(Selection, abc.ABC):
    """Proposes architectures and takes one by its score.

    Attributes:
        score: the names of the scores, joined by "+".
        rule: the name of what makes one number of several scores.
        limit: how many candidates are scored at most; 0 is the selection's
            own number.
        takes_limit: whether that can be asked for.
        takes_scores: whether others than the loss inside the supernet will
            do.
        default_score: names those that are taken where none is asked for; ""
            leaves it to the algorithm.
        full_size: whether untrained networks are judged at the evaluation's
            size, which few candidates may take, and not at the search's.
    """

    scores = True
    score = "loss"
    rule = "log_ranks"
    limit = 0
    takes_limit = True
    takes_scores = True
    default_score = ""
    full_size = False

    @abc.abstractmethod
    def select(self, problem: Problem) -> Choice:
        """Returns the choice, a function of the problem alone.

        A search that was killed goes on by selecting anew: what was scored
        before costs nothing.
        """

    @abc.abstractmethod
    def most_candidates(self, problem: Problem) -> int:
        """Returns how many candidates are scored at most."""

    def most_tunings(self, problem: Problem) -> int:
        """Returns how often the supernet may be tuned at most."""
        del problem
        return 0


@SELECTIONS.register("alphas")
class ByAlphas(Selection):
    """The strongest by the alphas, as the algorithm derives it."""

    needs_alphas = True
    reads_alphas = True


@SELECTIONS.register("exhaustive")
class Exhaustive(ScoringSelection):
    """The best of all architectures within the limits.

    In a random order, so that the time left can be told from the time taken,
    and what a search that was stopped has scored is a fair sample.
    """

    takes_limit = False

    def check(self, space):
        count = Architectures(space).count
        if count > MOST_EXHAUSTIVE:
            raise ConfigError(
                f"--selection=exhaustive would score {count:.2g} architectures "
                f"of --space={space.name}; use --selection=evolution."
            )

    def select(self, problem):
        choices = _within_limits(problem)
        rng = EXHAUSTIVE.generator(problem.seed)
        order = rng.permutation(len(choices))
        return problem.ranked([choices[i] for i in order])[0][1]

    def most_candidates(self, problem):
        return len(_within_limits(problem))


def _within_limits(problem: Problem) -> list[Choice]:
    return [c for c in problem.architectures.all() if problem.allows(c)]


def default_selection(space: Space, with_alphas: bool) -> str:
    """Returns the name of the selection that is taken where none is asked for.

    Args:
        space: search space.
        with_alphas: whether the supernet has alphas, which tell; else all
            architectures are scored where they are not too many.
    """
    if with_alphas:
        return "alphas"
    small = Architectures(space).count <= MOST_EXHAUSTIVE
    return "exhaustive" if small else "evolution"
