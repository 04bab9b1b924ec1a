"""What is parsed of tfds' records, and how it becomes a square of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.data import decoding
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.resizing import resize_images, stretch
from maenas_tf.data.windows import cut_window

LABEL = "label"


def selected(with_labels: bool, features: Any) -> Any:
    """Names what is parsed from records; all else is not read at all.

    What was stored as files stays files, so that they become the same pixels
    here as in a folder and in a server; tfds decodes what was stored as
    arrays, which lose nothing.

    Args:
        with_labels: whether the label is wanted.
        features: of the set.
    """
    import tensorflow_datasets as tfds

    names = ("image", LABEL) if with_labels else ("image",)
    decoders = None
    if _holds_files(features["image"]):
        decoders = {"image": tfds.decode.SkipDecoding()}
    return tfds.decode.PartialDecoding(dict.fromkeys(names, True), decoders)


def _holds_files(image: Any) -> bool:
    """Whether a feature's images came from files of three bytes a pixel."""
    if image.dtype != np.uint8 or image.shape[-1] != 3:
        return False
    as_given = image.encoding_format is None and None in image.shape
    return as_given or image.encoding_format == "jpeg"


def to_square(
    image: tf.Tensor,
    size: int,
    rules: PixelRules,
    proposals: tf.Tensor | None = None,
) -> tf.Tensor:
    """Makes an image of any depth and size a square of three bytes a pixel.

    Args:
        image: pixels, uint8 or uint16 [H, W, C], or a file, string [].
        size: side wanted, pixels.
        rules: of the set.
        proposals: of `propose_windows`, for a part of it; None takes its
            centre.

    Returns:
        uint8 [size, size, 3].
    """
    if image.dtype == tf.string:
        return _decoded(image, size, rules, proposals)
    if image.dtype == tf.uint16:
        white = rules.integer_white or decoding.SIXTEEN_BITS
        image = decoding.to_bytes(image, white)
    image = decoding.to_rgb(image, rules.ground)
    if proposals is not None:
        return stretch(cut_window(image, proposals), size)
    if image.shape[:2] != (size, size):
        image = resize_images(image, size, rules.center_crop)
    return image


def _decoded(
    encoded: tf.Tensor,
    size: int,
    rules: PixelRules,
    proposals: tf.Tensor | None,
) -> tf.Tensor:
    def other():
        pixels = tf.io.decode_image(encoded, 3, expand_animations=False)
        pixels = tf.ensure_shape(pixels, (None, None, 3))
        return decoding.finish(pixels, 1, size, rules, proposals=proposals)

    square = tf.cond(
        decoding.is_known(encoded),
        lambda: decoding.decode(encoded, size, rules, proposals),
        other,
    )
    return tf.ensure_shape(square, (size, size, 3))
