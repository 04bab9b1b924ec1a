"""Random changes of the colours of an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

# Of a grey value, ITU-R BT.601, as Pillow's "L".
_GREY = (0.299, 0.587, 0.114)
_Change = Callable[[tf.Tensor], tf.Tensor]


def jitter_colors(
    image: tf.Tensor, amounts: Sequence[float], seed: tf.Tensor
) -> tf.Tensor:
    """Changes brightness, contrast, saturation and hue, in a random order.

    Each of the first three by a factor f, uniform in [max(0, 1 - a), 1 + a]:

        brightness: f x
        contrast:   f x + (1 - f) mean(grey(x))
        saturation: f x + (1 - f) grey(x)

    and the hue by a part of the full circle, uniform in [-a, a]. As
    torchvision's ColorJitter, but that bytes are rounded once, in the end.

    Args:
        image: uint8 [H, W, 3].
        amounts: a of each of the four; 0 leaves one out.
        seed: int32 [2].

    Returns:
        Like `image`.
    """
    kept = [place for place, amount in enumerate(amounts) if amount]
    draws = tf.random.stateless_uniform([2, len(amounts)], seed, alg="philox")
    changes = [
        _change(place, amounts[place], draws[0, place]) for place in kept
    ]
    order = tf.argsort(tf.gather(draws[1], np.array(kept, np.int32)))
    values = tf.cast(image, tf.float32)
    for number in range(len(kept)):
        values = tf.switch_case(order[number], _on(values, changes))
        values = tf.clip_by_value(values, 0.0, 255.0)
    return tf.cast(tf.round(values), tf.uint8)


def _on(values: tf.Tensor, changes: Sequence[_Change]):
    return [lambda change=change: change(values) for change in changes]


def _change(place: int, amount: float, draw: tf.Tensor) -> _Change:
    """Returns one of the four changes."""
    factor = max(0.0, 1 - amount) + draw * (1 + amount - max(0.0, 1 - amount))
    return (
        lambda x: factor * x,
        lambda x: factor * x + (1 - factor) * tf.reduce_mean(_grey(x)),
        lambda x: factor * x + (1 - factor) * _grey(x),
        lambda x: tf.image.adjust_hue(x, amount * (2 * draw - 1)),
    )[place]


def _grey(values: tf.Tensor) -> tf.Tensor:
    """Returns grey values [H, W, 1] of colours."""
    return tf.tensordot(values, tf.constant(_GREY), 1)[..., tf.newaxis]
