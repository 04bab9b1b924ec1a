"""Evolution by held-out loss, inside a trained supernet.

Guo et al., "Single Path One-Shot Neural Architecture Search with Uniform
Sampling" (2020), section 3.4 and algorithm 1, with the numbers given there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from maenas_tf.config.random_streams import EVOLUTION
from maenas_tf.selection.selection import SELECTIONS, Problem, ScoringSelection
from maenas_tf.spaces.architectures import Choice


@SELECTIONS.register("evolution")
class Evolution(ScoringSelection):
    """Crosses and mutates the best candidates so far.

    The first generation is random. Each further one is half crossovers of
    two of the best, half mutations of one of them, all within the limits and
    none scored before; what is missing, where new ones are hard to find, is
    drawn at random.

    Attributes:
        population: candidates of a generation.
        generations: how many.
        num_parents: the best of all generations that have offspring.
        mutation: probability with which an edge of a candidate changes.
        tries: give up after so many attempts for each new candidate; ours.
    """

    population = 50
    generations = 20
    num_parents = 10
    mutation = 0.1
    tries = 10

    @property
    def num_candidates(self) -> int:
        """How many are scored, if there are as many."""
        return self.limit or self.population * self.generations

    def most_candidates(self, problem):
        return min(self.num_candidates, problem.architectures.count)

    def select(self, problem):
        rng = EVOLUTION.generator(problem.seed)
        seen: set[Choice] = set()
        scored: list[Choice] = []
        best: list[Choice] = []
        generations = math.ceil(self.num_candidates / self.population)
        for generation in range(generations):
            count = min(self.population, self.num_candidates - len(scored))
            if generation:
                candidates = self._offspring(problem, best, count, rng, seen)
            else:
                candidates = self._random(problem, count, rng, seen)
            if not candidates:
                break  # All there are have been scored.
            # Ranked anew: what several scores add up to is relative to all.
            # The order is stable: of equals the older stays.
            scored += candidates
            ranked = problem.ranked(scored)[: self.num_parents]
            best = [choice for _, choice in ranked]
        return best[0]

    def _offspring(
        self,
        problem: Problem,
        parents: list[Choice],
        count: int,
        rng: np.random.Generator,
        seen: set[Choice],
    ) -> list[Choice]:
        architectures = problem.architectures

        def cross() -> Choice:
            one, other = rng.integers(len(parents), size=2)
            return architectures.cross(parents[one], parents[other], rng)

        def mutate() -> Choice:
            parent = parents[rng.integers(len(parents))]
            return architectures.mutate(parent, rng, self.mutation)

        half = count // 2
        children = self._new(problem, cross, half, seen)
        missing = count - half
        children += self._new(problem, mutate, missing, seen)
        missing = count - len(children)
        return children + self._random(problem, missing, rng, seen)

    def _random(
        self,
        problem: Problem,
        count: int,
        rng: np.random.Generator,
        seen: set[Choice],
    ) -> list[Choice]:
        return self._new(problem, lambda: problem.random(rng), count, seen)

    def _new(
        self,
        problem: Problem,
        make: Callable[[], Choice],
        count: int,
        seen: set[Choice],
    ) -> list[Choice]:
        """Returns up to `count` candidates that were not seen before."""

        def found() -> Iterator[Choice]:
            for _ in range(self.tries * count):
                choice = make()
                if choice not in seen and problem.allows(choice):
                    seen.add(choice)
                    yield choice

        return list(itertools.islice(found(), count))
