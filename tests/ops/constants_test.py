"""Tests of `maenas_tf.ops.constants`."""

import gc
import weakref

import numpy as np
import tensorflow as tf

from maenas_tf.ops.constants import shared_constant


def test_a_graph_holds_each_constant_once():
    @tf.function
    def twice(x):
        with tf.control_dependencies([x]):
            first = shared_constant(2.0, (3,), tf.float32)
        again = shared_constant(2.0, (3,), tf.float32)
        other = shared_constant(1.0, (3,), tf.float32)
        shared.append(first is again)
        return x * first + other * again

    shared = []
    np.testing.assert_array_equal(twice(tf.constant(4.0)), [10.0] * 3)
    assert shared == [True]
    graph = twice.get_concrete_function(tf.constant(4.0)).graph
    constants = [o for o in graph.get_operations() if o.type == "Const"]
    assert len(constants) == 2
    assert not any(constant.control_inputs for constant in constants)


def test_without_a_graph_it_is_an_ordinary_constant():
    constant = shared_constant(3.0, (2, 1), tf.float64)
    assert constant.dtype == tf.float64
    np.testing.assert_array_equal(constant, [[3.0], [3.0]])


def test_a_graph_is_not_kept_in_memory_by_its_constants():
    graph = tf.Graph()
    with graph.as_default():
        shared_constant(1.0, (2,), tf.float32)
    alive = weakref.ref(graph)
    del graph
    gc.collect()
    assert alive() is None
