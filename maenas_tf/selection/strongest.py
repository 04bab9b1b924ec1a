"""The strongest by the alphas, of which a score takes one."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator

import numpy as np

from maenas_tf.selection.constraints import log_weights
from maenas_tf.selection.selection import (
    SELECTIONS,
    Problem,
    ScoringSelection,
)
from maenas_tf.spaces.architectures import Architectures, Choice, EdgeWeights

# As many are looked at for those within the limits; ours.
_MOST_LOOKED_AT = 100_000


@SELECTIONS.register("strongest")
class Strongest(ScoringSelection):
    """The best by score of so many architectures of most product of weights.

    Alphas that a search hardly told apart know which architectures are good
    better than which is best (results/selection.md). Of equal ones the
    stronger is taken.

    Attributes:
        num_candidates: how many, where nothing else is asked for; ours.
    """

    needs_alphas = True
    reads_alphas = True
    # Chosen on NAS-Bench-201 with CIFAR-10 alone (results/selection.md).
    default_score = "expressivity+jacov+macs+synflow+trainability"
    full_size = True
    num_candidates = 20

    def most_candidates(self, problem):
        wanted = self.limit or self.num_candidates
        return min(wanted, problem.architectures.count)

    def select(self, problem):
        choices = strongest(problem, self.most_candidates(problem))
        return problem.ranked(choices)[0][1]


def strongest(problem: Problem, count: int) -> list[Choice]:
    """Returns the strongest choices within the limits, the strongest first.

    Where limits are so tight that of the 100,000 strongest fewer keep them,
    it is those, and at least the strongest of all within the limits.

    Args:
        problem: with the weights of the alphas.
        count: how many at most.
    """
    within = (
        choice
        for choice in itertools.islice(
            by_strength(problem.architectures, problem.weights), _MOST_LOOKED_AT
        )
        if problem.allows(choice)
    )
    found = list(itertools.islice(within, count))
    if found:
        return found
    genotype = problem.budget.strongest(problem.weights)
    return [problem.architectures.choice(genotype)]


def by_strength(
    architectures: Architectures, weights: EdgeWeights
) -> Iterator[Choice]:
    """Yields all choices, those of most product of weights first.

    Best first: the wirings of each node are ranked, and a choice is followed
    by those that take the next wiring of one node, of the nodes from the last
    on that is not at its best, so that each comes up once.

    Args:
        architectures: of the space.
        weights: cell type to [edges, primitives], not negative.
    """
    logs = log_weights(weights)
    values = [
        (table * logs[kind]).sum((1, 2))
        for (kind, _), table in zip(
            architectures.nodes, architectures.tables, strict=True
        )
    ]
    orders = [np.argsort(-value, kind="stable") for value in values]
    ranked = [value[order] for value, order in zip(values, orders, strict=True)]
    best = (0,) * len(ranked)
    heap = [(-sum(value[0] for value in ranked), best)]
    while heap:
        _, ranks = heapq.heappop(heap)
        yield tuple(
            int(order[r]) for order, r in zip(orders, ranks, strict=True)
        )
        last = max((n for n, rank in enumerate(ranks) if rank), default=0)
        for node in range(last, len(ranks)):
            if ranks[node] + 1 < len(ranked[node]):
                more = (*ranks[:node], ranks[node] + 1, *ranks[node + 1 :])
                total = sum(v[r] for v, r in zip(ranked, more, strict=True))
                heapq.heappush(heap, (-total, more))
