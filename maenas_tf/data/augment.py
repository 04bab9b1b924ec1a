"""Stateless augmentation of single images.

No colour distortion: a search without labels reconstructs colours. Each
function is a pure function of the image and its seed, so that a run resumed
in mid-epoch sees the same pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def random_crop(image: tf.Tensor, padding: int, seed: tf.Tensor) -> tf.Tensor:
    """Pad with zeros on all sides and cut the original size at random.

    Args:
        image: [H, W, C], static shape, any dtype.
        padding: pixels added to each side; 0 returns the image.
        seed: int32 [2].

    Returns:
        [H, W, C]: the image moved by up to `padding` pixels each way, all
        (2 padding + 1)^2 moves equally likely.
    """
    if padding == 0:
        return image
    padded = tf.pad(image, [[padding, padding], [padding, padding], [0, 0]])
    corner = tf.random.stateless_uniform(
        [2], seed, 0, 2 * padding + 1, dtype=tf.int32, alg="philox"
    )
    begin = tf.concat([corner, [0]], axis=0)
    return tf.slice(padded, begin, image.shape)


def random_flip(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirror the image left to right with probability one half.

    Args:
        image: [H, W, C].
        seed: int32 [2].

    Returns:
        [H, W, C].
    """
    draw = tf.random.stateless_uniform([], seed, alg="philox")
    return tf.where(draw < 0.5, tf.reverse(image, axis=[1]), image)


def normalize(
    image: tf.Tensor, mean: Sequence[float], std: Sequence[float]
) -> tf.Tensor:
    """Standardise bytes per channel, (image / 255 - mean) / std.

    Computed as one product and one sum, image * a + b with a = 1 / (255 std)
    and b = -mean / std.

    Args:
        image: uint8 [..., C].
        mean: C means, in units of 0..1.
        std: C standard deviations, in units of 0..1.

    Returns:
        float32, shape of `image`.
    """
    scale = tf.constant([1 / (255 * value) for value in std], tf.float32)
    shift = tf.constant(
        [-m / s for m, s in zip(mean, std, strict=True)], tf.float32
    )
    return tf.cast(image, tf.float32) * scale + shift


def cutout(image: tf.Tensor, size: int, seed: tf.Tensor) -> tf.Tensor:
    """Set a square at a random place to zero, the data set's mean.

    The centre is any pixel, all equally likely, so the square may reach over
    the border (DeVries and Taylor, "Improved Regularization of Convolutional
    Neural Networks with Cutout", 2017).

    Args:
        image: [H, W, C], static shape, normalised.
        size: side of the square, pixels; 0 returns the image.
        seed: int32 [2].

    Returns:
        Like `image`.
    """
    if size == 0:
        return image
    height, width, _ = image.shape
    draws = tf.random.stateless_uniform([2], seed, alg="philox")
    centre = tf.cast(draws * (height, width), tf.int32)
    rows = _within(height, centre[0] - size // 2, size)
    columns = _within(width, centre[1] - size // 2, size)
    blank = rows[:, tf.newaxis] & columns[tf.newaxis, :]
    return tf.where(blank[..., tf.newaxis], tf.zeros_like(image), image)


def _within(length: int, start: tf.Tensor, size: int) -> tf.Tensor:
    """Return bool [length]: whether a place is in [start, start + size)."""
    places = tf.range(length)
    return (places >= start) & (places < start + size)
