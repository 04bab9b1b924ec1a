"""JPEG files to pixels: as few of them as are wanted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from maenas_tf.data.orientation import turn_upright
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.resizing import side_before_cut, stretch
from maenas_tf.data.windows import choose_window, cut

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
    arguments = proposals, tf.io.extract_jpeg_shape(encoded), orientation, size
    if tf.executing_eagerly():
        # Every small operation costs a part of what the decoding does.
        window, step = _place(*arguments)
        is_upright = orientation == 1
    else:
        window, step = tf.numpy_function(
            _place, arguments, [tf.int32, tf.int32], stateful=False
        )
        window.set_shape([4])
        step.set_shape([])
        is_upright = tf.equal(orientation, 1)

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

    if isinstance(is_upright, bool):
        return stretch(upright() if is_upright else turned(), size)
    return stretch(tf.cond(is_upright, upright, turned), size)


def _place(
    proposals: np.ndarray, shape: np.ndarray, orientation: int, size: int
) -> tuple[np.ndarray, np.int32]:
    """Returns the window in the picture as it is decoded, and its step.

    Args:
        proposals: of `propose_windows`.
        shape: of the picture in the file: height, width and channels.
        orientation: as EXIF counts it; from 5 on the sides are exchanged.
        size: side wanted, pixels.

    Returns:
        int32 [4]; and 0 to 3, as of `jpeg_step`.
    """
    height, width = np.asarray(shape)[:2][:: -1 if orientation >= 5 else 1]
    window = choose_window(proposals, height, width)
    step = np.int32(jpeg_step(*window[2:], size))
    return window >> step, step


def _at_ratio(
    step: int | tf.Tensor, decoder: Callable[[int], tf.Tensor]
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
) -> int | tf.Tensor:
    """Returns by which power of two a JPEG is reduced while it is decoded.

    Its sides stay at least twice as long as what is wanted.

    Args:
        height: of the picture.
        width: of the picture.
        size: side wanted, pixels.

    Returns:
        0 to 3, int32 [] where a side is a tensor.
    """
    if not tf.is_tensor(height):
        return sum(min(height, width) // (2 * size) >= r for r in _RATIOS[1:])
    times = tf.minimum(height, width) // (2 * size)
    steps = [tf.cast(times >= ratio, tf.int32) for ratio in _RATIOS[1:]]
    return tf.add_n(steps)


def decode_jpeg(encoded: tf.Tensor | bytes, ratio: int) -> tf.Tensor:
    """Returns the pixels of a JPEG file reduced by a ratio, uint8 [h, w, 3]."""
    return tf.io.decode_jpeg(encoded, 3, ratio=ratio, dct_method=_EXACT)
