"""Pictures as they are to be looked at."""

from __future__ import annotations

import tensorflow as tf


def turn_upright(pixels: tf.Tensor, orientation: int | tf.Tensor) -> tf.Tensor:
    """Turns a picture [h, w, C] as its EXIF orientation, 1 to 8, wants it."""
    if isinstance(orientation, int) and orientation == 1:
        return pixels
    for action, orientations in (
        (lambda x: tf.transpose(x, [1, 0, 2]), (5, 6, 7, 8)),
        (lambda x: tf.reverse(x, [1]), (2, 3, 6, 7)),
        (lambda x: tf.reverse(x, [0]), (3, 4, 7, 8)),
    ):
        wanted = tf.reduce_any(tf.equal(orientation, orientations))
        pixels = tf.cond(
            wanted,
            lambda action=action, pixels=pixels: action(pixels),
            lambda pixels=pixels: pixels,
        )
    return pixels
