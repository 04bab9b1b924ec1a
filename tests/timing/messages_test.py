"""Tests of `maenas_tf.timing.messages`."""

import tensorflow as tf

from maenas_tf.timing.messages import Messages, count_messages


def send(x):
    return tf.raw_ops.CollectiveReduceV2(
        input=x,
        group_size=2,
        group_key=1,
        instance_key=1,
        ordering_token=[],
        merge_op="Add",
        final_op="Id",
    )


def test_a_function_that_is_called_twice_sends_twice():
    inner = tf.function(send)

    @tf.function
    def step(x):
        return send(tf.cast(inner(inner(x)), tf.float64))

    graph = step.get_concrete_function(tf.TensorSpec([3], tf.float32)).graph
    size = 4 * 3 + 4 * 3 + 8 * 3
    assert count_messages(graph, 1) == Messages(3, size)
    # Where each of two replicas has its own operations in the graph.
    assert count_messages(graph, 2) == Messages(1, size // 2)


def test_a_step_alone_sends_nothing():
    step = tf.function(tf.square)
    graph = step.get_concrete_function(tf.TensorSpec([3], tf.float32)).graph
    assert count_messages(graph, 1) == Messages(0, 0)
