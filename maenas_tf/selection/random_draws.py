"""Random candidates, of which the best is taken."""

from __future__ import annotations

from maenas_tf.config.random_streams import RANDOM
from maenas_tf.selection.selection import SELECTIONS, ScoringSelection
from maenas_tf.spaces.architectures import Choice


@SELECTIONS.register("random")
class RandomDraws(ScoringSelection):
    """The best of so many random architectures, all different.

    Attributes:
        num_candidates: how many, where nothing else is asked for.
        tries: give up after so many draws for each candidate; ours.
    """

    num_candidates = 1000
    tries = 10

    def most_candidates(self, problem):
        wanted = self.limit or self.num_candidates
        return min(wanted, problem.architectures.count)

    def select(self, problem):
        rng = RANDOM.generator(problem.seed)
        most = self.most_candidates(problem)
        found: dict[Choice, None] = {}
        for _ in range(self.tries * most):
            if len(found) == most:
                break
            found.setdefault(problem.random(rng))
        return problem.ranked(list(found))[0][1]
