"""Trainability: whether gradients keep their size on the way back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from etils import epy

from maenas_tf.scores.score import SCORES, StartScore

if TYPE_CHECKING:
    from maenas_tf.scores.start import Candidate

with epy.lazy_imports():
    import tensorflow as tf


@SCORES.register("trainability")
class Trainability(StartScore):
    """How near the Jacobian of each block is to keeping a gradient's size.

    A random gradient g_out of +1 and -1 at the output of a block becomes g_in
    at its newest input, pixels added up where the resolution drops. With s
    the largest singular value of g_in^T g_out / (B H W) a block has

        -s - 1 / (s + 1e-6) + 2,

    at most 0, for s = 1; the score is the mean over the blocks behind the
    first. A block that is the identity is none, and left out; as published it
    is minus infinity, which would rule out every chain with an identity layer.
    g_out is the same for all candidates.

    Reads noise or the user's images. Costs one forward and one backward pass,
    without the gradients of weights.

    Reference: Lee and Ham, "AZ-NAS" (CVPR 2024), equations 4 to 6.
    """

    column = "trainability"
    label = "trainability"
    higher_is_better = True

    def of(self, candidate: Candidate) -> float:
        recording, found = candidate.recording, []
        for number, feature in enumerate(recording.features):
            if number:
                drawn = _signs(tuple(feature.shape), number)
                upstream = tf.cast(drawn, feature.dtype)
                gradient = recording.to_previous(number, upstream)
                if not _is_same(gradient, upstream):
                    s = largest_singular_value(gradient, upstream)
                    found.append(of_singular_value(s))
        return float(np.mean(found or [of_singular_value(0.0)]))


def _is_same(gradient: tf.Tensor, upstream: tf.Tensor) -> bool:
    same = gradient.shape == upstream.shape
    return same and bool(tf.reduce_all(gradient == upstream))


def of_singular_value(s: float) -> float:
    """Returns -s - 1/(s + 1e-6) + 2."""
    return -s - 1.0 / (s + 1e-6) + 2.0


def largest_singular_value(gradient: tf.Tensor, upstream: tf.Tensor) -> float:
    """Returns that of g_in^T g_out / (B H W).

    Args:
        gradient: g_in, [B, H', W', C'], H' a multiple of H.
        upstream: g_out, [B, H, W, C].
    """
    batch, height, width, channels = upstream.shape
    _, rows, columns, before = gradient.shape
    if (rows, columns) != (height, width):
        # The last rows of an odd size have no pixel of their own.
        down, across = rows // height, columns // width
        if rows % height or columns % width:
            down, across = -(-rows // height), -(-columns // width)
            lack = [height * down - rows, width * across - columns]
            gradient = tf.pad(
                gradient, [[0, 0], [0, lack[0]], [0, lack[1]], [0, 0]]
            )
        # Rows and then columns: several times as fast as both at once.
        shape = [batch * height, down, width * across * before]
        gradient = tf.reduce_sum(tf.reshape(gradient, shape), 1)
        shape = [batch * height * width, across, before]
        gradient = tf.reduce_sum(tf.reshape(gradient, shape), 1)
    gradient = tf.reshape(gradient, [-1, before])
    upstream = tf.reshape(upstream, [-1, channels])
    product = tf.matmul(gradient, upstream, transpose_a=True).numpy()
    product = product.astype(np.float64) / (batch * height * width)
    if before > channels:
        product = product.T
    # The square root of the largest eigenvalue, in half the time.
    squares = np.linalg.eigvalsh(product @ product.T)
    return float(np.sqrt(max(squares[-1], 0.0)))


@functools.lru_cache(maxsize=256)
def _signs(shape: tuple[int, ...], number: int) -> tf.Tensor:
    """Returns random +1 and -1, a function of the arguments, int8."""
    rng = np.random.default_rng((number, *shape))
    drawn = rng.integers(0, 2, shape, np.int8)
    return tf.constant(drawn * np.int8(2) - np.int8(1))
