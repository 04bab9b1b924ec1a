"""The flow through a network whose weights are all positive."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.ops.probe import Kernels, Probe
from maenas_tf.ops.tape import Tape
from maenas_tf.scores.start import Candidate


class _Positive(Probe):
    """Takes all weights for their absolute values, and normalises nothing."""

    normalizes = False

    def __init__(self, kernels: Kernels):
        super().__init__(Tape(), kernels)
        self.outputs: list[tf.Tensor] = []

    def kernel(self, kernel):
        return self.kernels.form(kernel, "positive", _positive)

    def after_convolution(self, x, y, kernel, compute):
        self.outputs.append(y)


def _positive(kernel: keras.Variable) -> tf.Tensor:
    return tf.abs(tf.cast(kernel, tf.float64))


def total_flow(candidate: Candidate, image: tf.Tensor) -> float:
    """Returns the sum of w dR/dw over all weights.

    Args:
        candidate: whose network it is.
        image: [1, H, W, 3], float64, not negative.
    """
    head = candidate.start.network.head
    probe = _Positive(candidate.start.network.kernels)
    pooled = candidate.pooled(probe, candidate.feature(probe, image))
    kernel = tf.reduce_sum(probe.kernel(head.kernel), 1, keepdims=True)
    total = tf.reduce_sum(tf.matmul(pooled, kernel))
    gradients = probe.tape.gradients(
        pooled, tf.transpose(kernel), probe.outputs
    )
    flows = [
        np.vdot(y.numpy(), gradient.numpy())
        for y, gradient in zip(probe.outputs, gradients, strict=True)
    ]
    # That of the classifier is the sum of the logits itself.
    return float(np.sum(flows) + total.numpy())
