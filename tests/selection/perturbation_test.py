"""Tests of `maenas_tf.selection.perturbation`, on a rigged supernet.

Its loss is minus the sum over cells and edges of weight times worth, so that
removing a candidate raises it by just that product.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from maenas_tf.selection import SELECTIONS
from maenas_tf.selection.constraints import Budget, Limits
from maenas_tf.selection.selection import Problem
from maenas_tf.skeletons import evaluation_size
from maenas_tf.spaces import SPACES
from maenas_tf.spaces.architectures import Architectures


class Rigged:
    """A problem with random weights and worths."""

    def __init__(self, space="nasbench201", seed=0, **limits):
        rng = np.random.default_rng(1)
        self.space = SPACES.get(space)
        shapes = {
            kind.name: (kind.num_edges, kind.max_primitives)
            for kind in self.space.cell_types
        }
        self.weights = {
            kind: rng.dirichlet(np.ones(width), edges)
            for kind, (edges, width) in shapes.items()
        }
        self.worth = {k: rng.uniform(size=s) for k, s in shapes.items()}
        for kind in self.space.cell_types:
            for edge in kind.edges:
                if "none" in edge.primitives:
                    none = edge.primitives.index("none")
                    self.worth[kind.name][edge.index, none] = 0.0
        self.names = []
        self.problem = Problem(
            Architectures(self.space),
            Budget(self.space, evaluation_size(self.space), Limits(**limits)),
            score=None,
            seed=seed,
            weights=self.weights,
            score_variants=self.score,
        )

    def score(self, variants):
        self.names += [variant.name for variant in variants]
        return [
            -sum((v.weights[k] * self.worth[k]).sum() for k in self.worth)
            for v in variants
        ]

    def select(self):
        selection = SELECTIONS.get("perturbation")()
        choice = selection.select(self.problem)
        genotype = self.problem.architectures.genotype(choice)
        genotype.validate()
        return genotype


@pytest.mark.parametrize("space", ["nasbench201", "darts", "s2"])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_missed_most_is_kept_on_every_edge_and_node(space, seed):
    rigged = Rigged(space, seed)
    # The primitive by the mixture; the edges at weight 1, as decided.
    expected = {}
    for kind in rigged.space.cell_types:
        missed = rigged.weights[kind.name] * rigged.worth[kind.name]
        for node in kind.nodes:
            edges = kind.edges_into(node)
            best = [
                int(np.argmax(missed[e.index, : len(e.primitives)]))
                for e in edges
            ]
            worth = [
                rigged.worth[kind.name][e.index, b]
                for e, b in zip(edges, best, strict=True)
            ]
            count = rigged.space.edges_per_node or len(edges)
            kept = sorted(np.argsort(worth)[::-1][:count])
            expected[kind.name, node] = [
                (edges[i].source, edges[i].primitives[best[i]]) for i in kept
            ]
    genotype = rigged.select()
    for (kind, node), pairs in expected.items():
        found = [
            (edge.source, edge.primitive)
            for edge in genotype.cells[kind]
            if edge.node == node
        ]
        assert found == pairs


def test_the_alphas_do_not_decide():
    rigged = Rigged()
    assert rigged.select() != rigged.space.derive(rigged.weights)


def test_the_order_of_the_edges_is_drawn_and_no_two_names_are_the_same():
    names = []
    for seed in (0, 0, 1):
        rigged = Rigged("darts", seed)
        rigged.select()
        most = SELECTIONS.get("perturbation")().most_candidates(rigged.problem)
        assert len(set(rigged.names)) == len(rigged.names) == most - 1
        names.append(rigged.names)
    assert names[0] == names[1] != names[2]


def test_none_stays_where_nothing_else_helps():
    rigged = Rigged()
    rigged.worth = {"cell": -rigged.worth["cell"]}
    genotype = rigged.select()
    assert genotype.count("none") == 6


def test_a_loss_that_is_not_a_number_is_the_highest():
    rigged = Rigged()
    original = rigged.score
    rigged.problem = Problem(
        rigged.problem.architectures,
        rigged.problem.budget,
        score=None,
        weights=rigged.weights,
        score_variants=lambda variants: [
            math.nan if "without avg_pool_3x3" in variant.name else loss
            for variant, loss in zip(variants, original(variants), strict=True)
        ],
    )
    assert rigged.select().count("avg_pool_3x3") == 6


@pytest.mark.parametrize("space", ["nasbench201", "darts"])
def test_the_limits_hold(space):
    free = Rigged(space)
    budget = free.problem.budget
    cost = budget.cost(free.select())
    limit = cost.parameters - 1
    limited = Rigged(space, parameters=limit)
    genotype = limited.select()
    assert budget.cost(genotype).parameters <= limit
    assert genotype != free.select()


@pytest.mark.parametrize("space", ["nasbench201", "darts"])
def test_the_supernet_is_tuned_between_decisions_as_far_as_decided(space):
    rigged = Rigged(space)
    tuned = []
    problem = dataclasses.replace(
        rigged.problem, tune=lambda *asked: tuned.append(asked)
    )
    selection = SELECTIONS.get("perturbation")()
    selection.select(problem)
    count = selection.most_tunings(problem)
    assert [number for number, _ in tuned] == list(range(1, count + 1))
    num_edges = sum(kind.num_edges for kind in rigged.space.cell_types)
    for number, weights in tuned:
        decided = sum((w.max(axis=1) == 1).sum() for w in weights.values())
        if number <= num_edges:
            assert decided == number
        else:
            assert decided < num_edges
