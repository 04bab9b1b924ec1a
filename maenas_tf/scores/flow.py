"""The flow through a network whose weights are all positive."""

from __future__ import annotations

import tensorflow as tf

from maenas_tf.ops.probe import Probe
from maenas_tf.scores.start import Candidate


class _Positive(Probe):
    """Takes all weights for their absolute values, and normalises nothing."""

    normalizes = False

    def __init__(self, tape: tf.GradientTape):
        self.tape = tape
        self.outputs: list[tf.Tensor] = []

    def kernel(self, kernel):
        return tf.abs(tf.cast(kernel, tf.float64))

    def after_convolution(self, x, y, kernel, compute):
        self.tape.watch(y)
        self.outputs.append(y)


def total_flow(candidate: Candidate, image: tf.Tensor) -> float:
    """Returns the sum of w dR/dw over all weights.

    Args:
        candidate: whose network it is.
        image: [1, H, W, 3], float64, not negative.
    """
    head = candidate.start.network.head
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        probe = _Positive(tape)
        feature = candidate.feature(probe, image)
        pooled = candidate.pooled(probe, feature)
        kernel = probe.kernel(tf.convert_to_tensor(head.kernel))
        total = tf.reduce_sum(tf.matmul(pooled, kernel))
    gradients = tape.gradient(
        total, probe.outputs, unconnected_gradients="zero"
    )
    flows = [
        tf.reduce_sum(y * gradient)
        for y, gradient in zip(probe.outputs, gradients, strict=True)
    ]
    # That of the classifier is the sum of the logits itself.
    return float(tf.add_n([*flows, total]))
