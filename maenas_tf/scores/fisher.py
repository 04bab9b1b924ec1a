"""The Fisher information of a few weights of a network."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from maenas_tf.ops.probe import Compute, Kernels, Probe
from maenas_tf.ops.tape import Tape, held_integers
from maenas_tf.scores.start import Candidate

# Images that the information is the mean of, at most.
_NUM_IMAGES = 8
# Part of the classes' probabilities that is spread evenly.
_SMOOTHING = 0.05


class _FirstWeights(Probe):
    """Takes down what the first weight of every convolution is fed with.

    Attributes:
        outputs: of the convolutions, [B', H, W, C].
        shares: what a first weight of 1 alone would make of their first
            channel, [B', H, W, 1].
    """

    normalizes = False

    def __init__(self, kernels: Kernels):
        super().__init__(Tape(), kernels)
        self.outputs: list[tf.Tensor] = []
        self.shares: list[tf.Tensor] = []

    def after_convolution(self, x, y, kernel, compute: Compute):
        self.outputs.append(y)
        first = _first_alone(*kernel.shape[:2])
        self.shares.append(compute(_first_channel(x), first))


def information(candidate: Candidate) -> np.ndarray:
    """Returns the Fisher information of the first weight of each layer.

        F = mean_n J_n^T (diag p_n - p_n p_n^T) J_n

    with J_n the Jacobian of the logits of image n, and p_n the classes'
    probabilities, smoothed.

    Returns:
        [M, M], float64, for M - 1 convolutions and the classifier.
    """
    jacobians, logits = _jacobians(candidate)
    scaled = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = scaled / scaled.sum(axis=1, keepdims=True)
    p = (1.0 - _SMOOTHING) * p + _SMOOTHING / p.shape[1]
    covariance = p[:, :, np.newaxis] * (np.eye(p.shape[1]) - p[:, np.newaxis])
    products = np.einsum(
        "ncj,ncd,ndk->jk", jacobians, covariance, jacobians, optimize=True
    )
    return products / len(p)


def _jacobians(candidate: Candidate) -> tuple[np.ndarray, np.ndarray]:
    """Returns dlogits/dweights [B, classes, M], and logits [B, classes]."""
    network, images = candidate.start.network, _part(candidate)
    count, classes = images.shape[0], network.head.num_classes
    probe = _FirstWeights(network.kernels)
    feature = candidate.feature(probe, images)
    pooled = candidate.pooled(probe, feature)
    logits = network.classify(pooled)
    # The gradients of all classes, behind each other: one way back for all.
    kernel = tf.transpose(tf.convert_to_tensor(network.head.kernel))
    upstream = tf.repeat(kernel, count, 0)
    gradients = probe.tape.gradients(pooled, upstream, probe.outputs)
    sums = []
    for gradient, share in zip(gradients, probe.shares, strict=True):
        # A batch may be apart in phases, one behind the other.
        _, height, width, _ = share.shape
        shape = [-1, count, height * width]
        shares = share.numpy().reshape(shape)
        shape.insert(1, classes)
        first = _first_channel(gradient).numpy().reshape(shape)
        sums.append(np.einsum("pcnu,pnu->cn", first, shares))
    last = np.zeros((classes, count))
    last[0] = pooled[:, 0]
    found = np.stack([*sums, last], -1)
    return found.swapaxes(0, 1), logits.numpy().astype(np.float64)


def _part(candidate: Candidate) -> tf.Tensor:
    """Returns a corner of a few images, the least that a network takes."""
    images = candidate.start.images
    side = candidate.start.network.plan.smallest_image
    return images[:_NUM_IMAGES, :side, :side]


def _first_channel(x: tf.Tensor) -> tf.Tensor:
    begin, size = held_integers((0,) * 4), held_integers((-1, -1, -1, 1))
    return tf.raw_ops.Slice(input=x, begin=begin, size=size)


@functools.lru_cache(maxsize=64)
def _first_alone(height: int, width: int) -> tf.Tensor:
    """Returns a kernel of one channel whose first weight alone is not 0."""
    kernel = np.zeros((height, width, 1, 1), np.float32)
    kernel[0, 0] = 1.0
    return tf.constant(kernel)
