"""Constants that a graph holds once."""

from __future__ import annotations

import tensorflow as tf


def shared_constant(
    value: float, shape: tuple[int, ...], dtype: tf.DType
) -> tf.Tensor:
    """Returns a filled tensor, made once for each graph.

    A supernet normalises some thousand times; constants for each of them
    would make up a tenth of its graph, and each operation costs when the
    graph is traced and when it is first run.

    Args:
        value: of all elements.
        shape: of the tensor.
        dtype: of the tensor.
    """
    if tf.executing_eagerly():
        return tf.constant(value, dtype, shape)
    graph = tf.compat.v1.get_default_graph()
    # On the graph itself: what is held elsewhere would outlive it, and its
    # tensors would keep the graph in memory.
    if not hasattr(graph, "shared_constants"):
        graph.shared_constants = {}
    held = graph.shared_constants
    key = (value, shape, dtype)
    if key not in held:
        # Free of the caller's control dependencies: others use it as well.
        with tf.control_dependencies(None):
            held[key] = tf.constant(value, dtype, shape)
    return held[key]
