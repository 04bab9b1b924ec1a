"""Images of any shape to squares, with nothing cut off and nothing stretched.

The longer side becomes that of the square; what the shorter one leaves is
filled at the bottom or on the right, so that places only change by a factor.
"""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import numpy as np
import tensorflow as tf

from maenas_tf.data.decoding import SIXTEEN_BITS, to_bytes, to_rgb
from maenas_tf.data.file_images import FileImages
from maenas_tf.data.image_file import read_whole
from maenas_tf.data.jpeg import decode_jpeg
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.tfds_records import RecordImages

# Grey, in the middle between black and white.
FILLING = 128

Number = TypeVar("Number", int, tf.Tensor, np.ndarray)


def fitted_sides(
    height: Number, width: Number, size: int
) -> tuple[Number, Number]:
    """Returns height and width of an image inside of the square.

    Args:
        height: of the image, pixels; an integer.
        width: of the image, pixels.
        size: side of the square, pixels.

    Returns:
        At least 1 each; the longer one is `size`. In integers, so that a
        graph and NumPy agree.
    """
    if tf.is_tensor(height):
        longer, at_least = tf.maximum(height, width), tf.maximum
    else:
        longer, at_least = np.maximum(height, width), np.maximum
    return tuple(
        at_least((2 * side * size + longer) // (2 * longer), 1)
        for side in (height, width)
    )


def letterbox(pixels: tf.Tensor, size: int) -> tf.Tensor:
    """Fits an image into a square.

    Args:
        pixels: uint8 [h, w, 3].
        size: side of the square, pixels.

    Returns:
        uint8 [size, size, 3].
    """
    shape = tf.shape(pixels)
    height, width = fitted_sides(shape[0], shape[1], size)
    resized = tf.image.resize(pixels, [height, width], antialias=True)
    resized = tf.saturate_cast(tf.round(resized), tf.uint8)
    filled = tf.pad(
        resized,
        [[0, size - height], [0, size - width], [0, 0]],
        constant_values=FILLING,
    )
    return tf.ensure_shape(filled, (size, size, 3))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class LetterboxFiles(FileImages):
    """Images in files, each of them whole in a square."""

    def _read(self, path, proposals):
        del proposals
        whole = read_whole(path, self.pixels)
        with tf.device("CPU:0"):
            return letterbox(whole, self.size).numpy()


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class LetterboxRecords(RecordImages):
    """Images in tfds' records, each of them whole in a square.

    Their boxes are those of the pixels as they are stored: they are not
    turned.
    """

    def fetch(self, index):
        image = self.parse(self.fetch_record(index))
        return letterbox(whole_record(image, self.pixels), self.size)


def whole_record(image: tf.Tensor, rules: PixelRules) -> tf.Tensor:
    """Returns the pixels of a record, uint8 [h, w, 3], not turned.

    Args:
        image: pixels, uint8 or uint16 [H, W, C], or a file, string [].
        rules: of the set.
    """
    if image.dtype == tf.string:
        jpeg = tf.equal(tf.strings.substr(image, 0, 3), b"\xff\xd8\xff")
        pixels = tf.cond(
            jpeg,
            lambda: decode_jpeg(image, 1),
            lambda: tf.io.decode_image(image, 3, expand_animations=False),
        )
        return tf.ensure_shape(pixels, (None, None, 3))
    if image.dtype == tf.uint16:
        image = to_bytes(image, rules.integer_white or SIXTEEN_BITS)
    return to_rgb(image, rules.ground)
