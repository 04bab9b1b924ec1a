"""Tests of `maenas_tf.selection.strongest`."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from maenas_tf.selection import SELECTIONS
from maenas_tf.selection.constraints import Budget, Limits
from maenas_tf.selection.selection import Problem
from maenas_tf.selection.strongest import by_strength, strongest
from maenas_tf.skeletons import evaluation_size
from maenas_tf.spaces import SPACES
from maenas_tf.spaces.architectures import Architectures


def make_problem(name="nasbench201", seed=0, score=None, **limits):
    """A problem with random weights, scored by multiply-accumulates."""
    space = SPACES.get(name)
    rng = np.random.default_rng(seed)
    weights = {
        kind.name: rng.dirichlet(np.ones(kind.max_primitives), kind.num_edges)
        for kind in space.cell_types
    }
    architectures = Architectures(space)
    budget = Budget(space, evaluation_size(space), Limits(**limits))

    def macs(choices):
        return [-budget.cost(architectures.genotype(c)).macs for c in choices]

    return Problem(architectures, budget, score or macs, 0, weights)


def strength(problem, choice):
    genotype = problem.architectures.genotype(choice)
    total = 0.0
    for cell_type in problem.architectures.space.cell_types:
        for edge in genotype.cells[cell_type.name]:
            place = cell_type.edge(edge.source, edge.node)
            column = place.primitives.index(edge.primitive)
            weight = problem.weights[cell_type.name][place.index, column]
            total += np.log(weight)
    return total


def test_all_architectures_come_by_strength_each_once():
    problem = make_problem()
    found = list(by_strength(problem.architectures, problem.weights))
    assert len(set(found)) == len(found) == 15_625
    totals = [strength(problem, choice) for choice in found]
    assert np.all(np.diff(totals) < 1e-9)


@pytest.mark.parametrize("space", ["darts", "s2", "macro", "mobilenet"])
def test_the_first_is_what_the_weights_say(space):
    problem = make_problem(space)
    genotype = problem.budget.strongest(problem.weights)
    architectures = problem.architectures
    several = itertools.islice(by_strength(architectures, problem.weights), 50)
    first, *others = several
    assert architectures.genotype(first) == genotype
    totals = [strength(problem, choice) for choice in (first, *others)]
    assert np.all(np.diff(totals) < 1e-9)
    assert len({first, *others}) == 50


def test_a_weight_of_zero_comes_last():
    problem = make_problem()
    problem.weights["cell"][:, 3] = 0.0
    found = strongest(problem, 4**6 + 1)
    genotypes = [problem.architectures.genotype(choice) for choice in found]
    counts = [genotype.count("nor_conv_3x3") for genotype in genotypes]
    assert counts == [0] * 4**6 + [1]


@pytest.mark.parametrize("seed", range(3))
def test_the_largest_of_the_twenty_strongest_is_taken(seed):
    problem = make_problem(seed=seed)
    selection = SELECTIONS.get("strongest")()
    chosen = selection.select(problem)
    every = sorted(
        problem.architectures.all(), key=lambda c: -strength(problem, c)
    )
    sizes = [-size for size in problem.score(every[:20])]
    assert chosen == every[int(np.argmax(sizes))]
    assert max(sizes) > sizes[0]


def test_of_equal_scores_the_strongest_is_taken():
    problem = make_problem(score=lambda choices: [0.0] * len(choices))
    chosen = SELECTIONS.get("strongest")().select(problem)
    genotype = problem.architectures.genotype(chosen)
    assert genotype == problem.budget.strongest(problem.weights)


def test_as_many_are_scored_as_are_asked_for():
    asked = []

    def score(choices):
        asked.extend(choices)
        return [0.0] * len(choices)

    selection = SELECTIONS.get("strongest")()
    selection.limit = 7
    selection.select(make_problem(score=score))
    assert len(asked) == selection.most_candidates(make_problem()) == 7


def test_limits_hold_for_all_candidates():
    problem = make_problem(macs=40_000_000)
    found = strongest(problem, 200)
    assert len(found) == 200
    assert all(problem.allows(choice) for choice in found)
    every = sorted(
        filter(problem.allows, problem.architectures.all()),
        key=lambda c: -strength(problem, c),
    )
    assert found == every[:200]


def test_where_none_of_many_keeps_the_limits_the_strongest_that_does_is_taken(
    monkeypatch,
):
    monkeypatch.setattr("maenas_tf.selection.strongest._MOST_LOOKED_AT", 3)
    problem = make_problem(macs=8_000_000)
    (only,) = strongest(problem, 20)
    genotype = problem.budget.strongest(problem.weights)
    assert problem.architectures.genotype(only) == genotype
    assert problem.allows(only)
