"""Tests of `maenas_tf.spaces.architectures`."""

from __future__ import annotations

import collections

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.algorithms.single_path import draw as draw_architecture
from maenas_tf.spaces import PUBLISHED, SPACES
from maenas_tf.spaces.architectures import Architectures
from tests.searching.small import ONE_EDGE

every_space = pytest.mark.parametrize("name", SPACES.names())


def of(name):
    return Architectures(SPACES.get(name))


def test_there_are_as_many_as_the_literature_counts():
    assert of("nasbench201").count == 15_625
    # Two edges of 2, 3, 4 and 5, seven primitives each; two cell types.
    assert of("darts").count == (1 * 3 * 6 * 10 * 7**8) ** 2
    assert len(set(of("nasbench201").all())) == 15_625


@every_space
def test_choice_and_genotype_are_the_same_in_two_forms(name):
    space, architectures = SPACES.get(name), of(name)
    rng = np.random.default_rng(0)
    for _ in range(20):
        genotype = space.random_genotype(rng)
        choice = architectures.choice(genotype)
        assert architectures.genotype(choice) == genotype
        assert architectures.genotype(architectures.random(rng)).cells
    architectures.genotype(architectures.random(rng)).validate()


def test_a_published_genotype_has_its_edges_and_no_others():
    genotype = PUBLISHED["DARTS_V2"]
    architectures = of("darts")
    weights = architectures.edge_weights([architectures.choice(genotype)])
    for cell_type in SPACES.get("darts").cell_types:
        (matrix,) = weights[cell_type.name]
        found = {
            (edge.source, edge.node, edge.primitives[column])
            for edge in cell_type.edges
            for column in np.flatnonzero(matrix[edge.index])
        }
        edges = genotype.cells[cell_type.name]
        assert found == {(e.source, e.node, e.primitive) for e in edges}
        assert set(np.unique(matrix)) == {0.0, 1.0}


@every_space
def test_a_draw_is_a_function_of_seed_and_step_and_one_of_the_space(name):
    architectures = of(name)
    draw = tf.function(
        lambda step: draw_architecture(architectures, 2**32 - 1, step)
    )
    steps = [tf.constant(step, tf.int64) for step in range(8)]
    drawn = [draw(step) for step in steps]
    again = [
        draw_architecture(architectures, 2**32 - 1, step) for step in steps
    ]
    tf.nest.map_structure(np.testing.assert_array_equal, drawn, again)
    other = draw_architecture(architectures, 0, steps[0])
    assert any((other[k] != drawn[0][k]).numpy().any() for k in other)
    space = SPACES.get(name)
    seen = set()
    for weights in drawn:
        numbers = weights_to_choice(architectures, weights)
        genotype = architectures.genotype(numbers)
        genotype.validate()
        seen.add(genotype)
        assert genotype.space == space.name
    assert len(seen) == len(drawn)


def weights_to_choice(architectures, weights):
    """Returns the one choice whose wirings make up the weights."""
    choice = []
    for (kind, node), wirings in zip(
        architectures.nodes, architectures.wirings, strict=True
    ):
        edges = architectures.space.cell_type(kind).edges_into(node)
        found = {
            (edge.index, edge.primitives[column])
            for edge in edges
            for column in np.flatnonzero(weights[kind][edge.index])
        }
        entries = [{(e.index, p) for e, p in wiring} for wiring in wirings]
        choice.append(entries.index(found))
    return choice


def test_draws_are_uniform():
    architectures = of("nasbench201")
    steps = 5_000

    @tf.function
    def draw_all():
        return tf.map_fn(
            lambda step: draw_architecture(architectures, 3, step)["cell"],
            tf.range(steps, dtype=tf.int64),
            fn_output_signature=tf.float32,
        )

    numbers = draw_all().numpy()
    # Each edge's primitives; and pairs of them, which must not hang together.
    shares = numbers.mean(0)
    np.testing.assert_allclose(shares, 0.2, atol=5 * 0.4 / steps**0.5)
    pairs = np.einsum("sep,sfq->efpq", numbers, numbers) / steps
    for e, f in ((0, 1), (1, 2), (3, 5)):
        np.testing.assert_allclose(pairs[e, f], 0.04, atol=5 * 0.2 / steps**0.5)


def test_a_mutation_changes_edges_at_the_given_rate_and_stays_valid():
    architectures, rng = of("nasbench201"), np.random.default_rng(0)
    start = architectures.random(rng)
    changed, trials = 0, 500
    edges = architectures.genotype(start).cells["cell"]
    for _ in range(trials):
        mutant = architectures.genotype(architectures.mutate(start, rng, 0.1))
        changed += sum(
            a != b for a, b in zip(edges, mutant.cells["cell"], strict=True)
        )
    assert changed / (6 * trials) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("name", ["darts", "s1"])
def test_a_mutation_can_move_an_edge_as_well_as_its_primitive(name):
    architectures, rng = of(name), np.random.default_rng(0)
    kinds = collections.Counter()
    start = architectures.random(rng)
    edges = architectures.genotype(start).cells["normal"]
    for _ in range(50):
        genotype = architectures.genotype(architectures.mutate(start, rng, 0.5))
        genotype.validate()
        for a, b in zip(edges, genotype.cells["normal"], strict=True):
            kinds["edge"] += a.source != b.source
            kinds["primitive"] += a.primitive != b.primitive
    assert min(kinds["edge"], kinds["primitive"]) > 0
    assert architectures.mutate(start, rng, 0.0) == start


def test_a_crossover_takes_each_node_from_a_parent():
    architectures, rng = of("darts"), np.random.default_rng(0)
    one, other = (0,) * 8, (1,) * 8
    children = [architectures.cross(one, other, rng) for _ in range(50)]
    assert {number for child in children for number in child} == {0, 1}
    assert len(set(children)) > 30
    mean = np.mean(children)
    assert mean == pytest.approx(0.5, abs=0.1)


def test_one_edge_has_one_architecture_for_each_primitive():
    architectures = Architectures(ONE_EDGE)
    weights = architectures.edge_weights(list(architectures.all()))
    np.testing.assert_array_equal(weights["cell"][:, 0], np.eye(5))
