"""Tests of `maenas_tf.models.cell`."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.models.cell import SearchCell
from maenas_tf.models.cell_inputs import CellInputs
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.skeletons import NetworkSize, make_plan
from maenas_tf.spaces import SPACES
from tests.ops import numpy_oracle
from tests.ops.layers import image, variables_by_name


def bare(space, kind):
    """Returns the placement of a cell of width 4 that takes it as it is."""
    cells = make_plan(
        space, NetworkSize(2 if kind != "normal" else 4, 3, 12)
    ).cells
    cell = next(c for c in cells if c.cell_type == kind and c.channels == 4)
    return dataclasses.replace(cell, prepares_inputs=False)


@pytest.mark.parametrize("reduced_before", [True, False])
@pytest.mark.parametrize("search", [True, False])
def test_inputs_are_brought_to_one_size_and_width(reduced_before, search):
    older = image((2, 8, 8, 6) if reduced_before else (2, 4, 4, 6))
    newer = image((2, 4, 4, 10), seed=1)
    layer = CellInputs(4, reduced_before, search, name="inputs")
    layer.build([older.shape, newer.shape])
    weights = {k: v.numpy() for k, v in variables_by_name(layer).items()}
    found = layer.call([tf.constant(older), tf.constant(newer)])
    of_older = numpy_oracle.below(weights, "older")
    if reduced_before:
        expected = numpy_oracle.factorized_reduce(older, of_older, search)
    else:
        expected = numpy_oracle.relu_conv_norm(older, of_older, 1, search)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5)
    expected = numpy_oracle.relu_conv_norm(
        newer, numpy_oracle.below(weights, "newer"), 1, search
    )
    np.testing.assert_allclose(found[1], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("space", "kind"),
    [("s3", "normal"), ("s3", "reduce"), ("s1", "reduce")]
    + [("nasbench201", "cell")],
)
def test_search_cell_is_the_double_sum_of_its_definition(space, kind):
    """Node j is the sum over i < j and k of a_ijk op_ijk(node i)."""
    space = SPACES.get(space)
    cell_type = space.cell_type(kind)
    cell = SearchCell(bare(space, kind), name="cell")
    cell.build(None)
    rng = np.random.default_rng(0)
    shape = (cell_type.num_edges, cell_type.max_primitives)
    weights = tf.constant(rng.uniform(size=shape), tf.float32)
    inputs = [
        tf.constant(image((2, 6, 6, 4), seed=i))
        for i in range(cell_type.num_inputs)
    ]
    nodes = list(inputs)
    for node in cell_type.nodes:
        total = 0.0
        for edge in cell_type.edges_into(node):
            candidates = cell.edges[edge.index].candidates
            assert len(candidates) == len(edge.primitives)
            for k, candidate in enumerate(candidates):
                assert candidate.stride == (2 if edge.reduces else 1)
                assert candidate.name == edge.primitives[k]
                total += weights[edge.index][k] * candidate.call(
                    nodes[edge.source]
                )
        nodes.append(total)
    expected = tf.concat([nodes[i] for i in cell_type.concat], -1)
    y = cell.call(inputs, weights)
    size = 3 if kind == "reduce" else 6
    assert y.shape == (2, size, size, 4 * len(cell_type.concat))
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_search_cell_prepares_its_inputs():
    space = SPACES.get("s2")
    placement = dataclasses.replace(
        bare(space, "normal"), prepares_inputs=True, halves_older=True
    )
    cell = SearchCell(placement, name="cell")
    shapes = [(2, 8, 8, 6), (2, 4, 4, 10)]
    cell.build(shapes)
    weights = tf.fill([14, 2], 0.5)
    raw = [tf.constant(image(shape)) for shape in shapes]
    without = SearchCell(bare(space, "normal"), name="without")
    without.edges = cell.edges
    without.built = True
    np.testing.assert_array_equal(
        cell.call(raw, weights),
        without.call(cell.inputs_layer.call(raw), weights),
    )


def widening(names, *args, **kwargs):
    """Makes an edge that cuts every candidate that keeps the width."""
    kept = [name if "conv" in name else "none" for name in names]
    return MixedOp(kept, *args, **kwargs)


def test_a_layer_takes_its_own_row_of_the_weights():
    space = SPACES.get("nasbench201")
    whole = bare(space, "cell")
    placed = dataclasses.replace(
        whole.edges[4], source=0, node=1, channels_in=3
    )
    layer = SearchCell(
        dataclasses.replace(whole, edges=(placed,), concat=(1,)),
        make_edge=widening,
        name="layer",
    )
    layer.build(None)
    x = tf.constant(image((2, 6, 6, 3)))
    weights = np.arange(30.0, dtype=np.float32).reshape(6, 5)
    _, _, narrow, wide, _ = layer.edges[0].candidates
    expected = 22.0 * narrow.call(x) + 23.0 * wide.call(x)
    y = layer.call([x], tf.constant(weights))
    assert y.shape == (2, 6, 6, 4)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)
