"""Tests of `maenas_tf.models.wiring`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.models.wiring import wire


def times(factor):
    """Returns an edge that multiplies its source."""

    def edge(source):
        return [factor * source.value]

    return edge


def value(number):
    return tf.fill([1, 1, 1, 1], float(number))


def test_node_is_the_sum_over_its_edges():
    connections = [
        (0, 2, times(10.0)),
        (1, 2, times(100.0)),
        (0, 3, times(1.0)),
        (2, 3, times(2.0)),
    ]
    y = wire([value(1), value(2)], connections, concat=(2, 3))
    # Node 2: 10 * 1 + 100 * 2. Node 3: 1 + 2 * 210.
    np.testing.assert_array_equal(np.ravel(y), [210.0, 421.0])


def test_output_follows_the_order_of_concat():
    connections = [(0, 1, times(2.0)), (1, 2, times(2.0))]
    for concat, expected in (
        ((2,), [4.0]),
        ((1, 2), [2.0, 4.0]),
        ((2, 1), [4.0, 2.0]),
        ((0, 2), [1.0, 4.0]),
    ):
        y = wire([value(1)], connections, concat)
        np.testing.assert_array_equal(np.ravel(y), expected)


def test_edge_can_add_any_number_of_terms():
    def three(source):
        return [source.value] * 3

    def nothing(_):
        return []

    connections = [(0, 1, three), (0, 1, nothing)]
    assert np.ravel(wire([value(5)], connections, (1,))) == [15.0]


def test_edges_from_one_node_see_the_same_source():
    seen = []

    def edge(source):
        seen.append(source)
        return [source.value]

    wire([value(1)], [(0, 1, edge), (0, 2, edge), (1, 2, edge)], (2,))
    assert seen[0] is seen[1]
    assert seen[2] is not seen[0]


def test_connections_out_of_order_are_an_error():
    connections = [(0, target, times(1.0)) for target in (2, 3, 2)]
    with pytest.raises(ValueError, match="reach node 2 after node 3"):
        wire([value(1), value(2)], connections, (2,))


def test_a_node_without_an_edge_has_no_value_and_is_missed_by_none():
    connections = [(0, 2, times(2.0)), (2, 4, times(3.0))]
    y = wire([value(1), value(5)], connections, concat=(2, 4))
    np.testing.assert_array_equal(np.ravel(y), [2.0, 6.0])
    with pytest.raises(ValueError, match="leads to node 3"):
        wire([value(1), value(5)], connections, (2, 3))
    with pytest.raises(ValueError, match="leads to node 3"):
        wire([value(1), value(5)], [(3, 4, times(1.0))], (4,))
