"""JPEG files to pixels: as few of them as are wanted."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from maenas_tf.data.orientation import turn_upright
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.resizing import side_before_cut, stretch
from maenas_tf.data.windows import cut, window_of

# What libjpeg can reduce by while it decodes.
_RATIOS = (1, 2, 4, 8)
# The exact transform, as nearly all decoders; not TensorFlow's default.
_EXACT = "INTEGER_ACCURATE"


def decode_small(
    encoded: tf.Tensor | bytes, size: int, rules: PixelRules
) -> tf.Tensor:
    """Returns a JPEG file's pixels, reduced where they are far too many.

    Args:
        encoded: the file.
        size: side wanted in the end, pixels.
        rules: of the set.

    Returns:
        uint8 [h, w, 3], not yet turned upright.
    """
    shape = tf.io.extract_jpeg_shape(encoded)
    side = side_before_cut(size, rules.center_crop)
    step = jpeg_step(shape[0], shape[1], side)
    return _at_ratio(step, lambda ratio: decode_jpeg(encoded, ratio))


def decode_part(
    encoded: tf.Tensor | bytes,
    orientation: int | tf.Tensor,
    size: int,
    proposals: tf.Tensor,
) -> tf.Tensor:
    """Makes a square of a part of a JPEG file, and decodes little else of it.

    Colours of its outermost columns may be a few levels beside those of the
    whole picture, as the decoder does not see what lies beyond.

    Args:
        encoded: the file.
        orientation: as EXIF counts it, 1 to 8.
        size: side wanted, pixels.
        proposals: of `propose_windows`.

    Returns:
        uint8 [size, size, 3].
    """
    shape = tf.io.extract_jpeg_shape(encoded)
    is_turned = tf.convert_to_tensor(orientation) >= 5
    sides = tf.where(is_turned, shape[1::-1], shape[:2])
    window = window_of(proposals, sides[0], sides[1])
    step = jpeg_step(window[2], window[3], size)
    window = tf.bitwise.right_shift(window, step)

    def upright():
        return _at_ratio(
            step,
            lambda ratio: tf.io.decode_and_crop_jpeg(
                encoded, window, 3, ratio=ratio, dct_method=_EXACT
            ),
        )

    def turned():
        pixels = _at_ratio(step, lambda ratio: decode_jpeg(encoded, ratio))
        return cut(turn_upright(pixels, orientation), window)

    return stretch(tf.cond(tf.equal(orientation, 1), upright, turned), size)


def _at_ratio(
    step: tf.Tensor, decoder: Callable[[int], tf.Tensor]
) -> tf.Tensor:
    """Decodes, reduced by a power of two."""
    if tf.executing_eagerly():
        # Branches of a graph would cost more than the decoding.
        return decoder(_RATIOS[int(step)])
    return tf.switch_case(
        step, [lambda ratio=ratio: decoder(ratio) for ratio in _RATIOS]
    )


def jpeg_step(
    height: int | tf.Tensor, width: int | tf.Tensor, size: int
) -> tf.Tensor:
    """Returns by which power of two a JPEG is reduced while it is decoded.

    Its sides stay at least twice as long as what is wanted.

    Args:
        height: of the picture.
        width: of the picture.
        size: side wanted, pixels.

    Returns:
        int32 [], 0 to 3.
    """
    times = tf.minimum(height, width) // (2 * size)
    steps = [tf.cast(times >= ratio, tf.int32) for ratio in _RATIOS[1:]]
    return tf.add_n(steps)


def decode_jpeg(encoded: tf.Tensor | bytes, ratio: int) -> tf.Tensor:
    """Returns the pixels of a JPEG file reduced by a ratio, uint8 [h, w, 3]."""
    return tf.io.decode_jpeg(encoded, 3, ratio=ratio, dct_method=_EXACT)
