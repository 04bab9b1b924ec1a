"""Images and their boxes at random sizes and places.

Source: Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method
for Instance Segmentation", CVPR 2021, section 3 (scale jittering).
"""

from __future__ import annotations

import math

import tensorflow as tf

from maenas_tf.detection.boxed_images import LEAST_SIDE, NO_BOX
from maenas_tf.detection.letterbox import FILLING

# Of a box's area, how much of it has to stay in sight.
LEAST_PART = 0.25


def zoom_at_random(
    pixels: tf.Tensor,
    boxes: tf.Tensor,
    classes: tf.Tensor,
    zoom: float,
    seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Enlarges or reduces an image with its boxes, and moves it.

    A larger one is cut at a random place; around a smaller one is grey. Boxes
    are cut at the border. One of which less than a quarter is left, or less
    than a pixel on a side, is none any more.

    Args:
        pixels: uint8 [S, S, 3].
        boxes: left, upper, right and lower side, float32 [M, 4]; -1 where
            there is none, which stays so.
        classes: int32 [M]; -1 where there is none.
        zoom: the sides are multiplied by a factor from 1 / zoom to zoom,
            uniform in its logarithm.
        seed: int32 [2].

    Returns:
        Like `pixels`, `boxes` and `classes`.
    """
    side = pixels.shape[0]
    draws = tf.random.stateless_uniform([3], seed, alg="philox")
    factor = tf.exp((2.0 * draws[0] - 1.0) * math.log(zoom))
    new = tf.maximum(tf.cast(tf.round(factor * side), tf.int32), 1)
    # Where the image's corner comes to lie: outside, or inside of the square.
    room = tf.cast(side - new, tf.float32)
    corner = tf.cast(tf.round(draws[1:] * room), tf.int32)
    moved = _place(pixels, new, corner)
    shift = tf.cast(tf.tile(corner[::-1], [2]), tf.float32)
    there = boxes * (tf.cast(new, tf.float32) / side) + shift
    cut = tf.clip_by_value(there, 0.0, float(side))
    kept = (
        (classes != NO_BOX)
        & (_areas(cut) >= LEAST_PART * _areas(there))
        & tf.reduce_all(cut[:, 2:] - cut[:, :2] >= LEAST_SIDE, axis=1)
    )
    return (
        moved,
        tf.where(kept[:, tf.newaxis], cut, float(NO_BOX)),
        tf.where(kept, classes, NO_BOX),
    )


def _place(pixels: tf.Tensor, new: tf.Tensor, corner: tf.Tensor) -> tf.Tensor:
    """Returns what the square shows of an image of side `new` at `corner`."""
    side = pixels.shape[0]
    resized = tf.image.resize(pixels, [new, new], antialias=True)
    resized = tf.saturate_cast(tf.round(resized), pixels.dtype)
    before, begin = tf.maximum(corner, 0), tf.maximum(-corner, 0)
    seen = tf.minimum(new, side)
    part = resized[begin[0] : begin[0] + seen, begin[1] : begin[1] + seen]
    after = side - seen - before
    sides = tf.stack([[before[0], after[0]], [before[1], after[1]], [0, 0]])
    filled = tf.pad(part, sides, constant_values=FILLING)
    return tf.ensure_shape(filled, pixels.shape)


def _areas(boxes: tf.Tensor) -> tf.Tensor:
    return tf.reduce_prod(boxes[:, 2:] - boxes[:, :2], axis=1)
