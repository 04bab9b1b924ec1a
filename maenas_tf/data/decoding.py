"""From an image file's bytes to a square of pixels, by TensorFlow alone.

What is decoded for a training and what a server decodes are the same pixels,
as both are made by these functions: op by op there, in a graph here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from maenas_tf.data.image_headers import (
    exif_orientation,
    png_has_opacity,
    png_is_deep,
)
from maenas_tf.data.jpeg import decode_jpeg, decode_part, decode_small
from maenas_tf.data.orientation import turn_upright
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.resizing import (
    centre_square,
    resize_images,
    stretch,
)
from maenas_tf.data.value_range import OVERSHOOT
from maenas_tf.data.windows import cut_window

SIXTEEN_BITS = 65535.0
_STARTS = {
    "JPEG": b"\xff\xd8\xff",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "WEBP": b"RIFF",
}


def decode(
    encoded: tf.Tensor,
    size: int,
    rules: PixelRules,
    proposals: tf.Tensor | None = None,
) -> tf.Tensor:
    """Decodes a JPEG, PNG or WebP file in a graph.

    Equal to `image_file.read_image` to the bit.

    Args:
        encoded: string [], the file's bytes.
        size: side wanted, pixels.
        rules: of the set that the network was trained on.
        proposals: of `propose_windows`, for a part of the picture; None takes
            its centre.

    Returns:
        uint8 [size, size, 3].

    Raises:
        tf.errors.InvalidArgumentError: when it runs, on a file that is of
            another format or broken.
    """

    def done(pixels, orientation, white=0.0):
        return finish(pixels, orientation, size, rules, white, proposals)

    def of_jpeg(orientation):
        if proposals is None:
            return done(decode_small(encoded, size, rules), orientation)
        return decode_part(encoded, orientation, size, proposals)

    square = _by_kind(encoded, rules, of_jpeg, done)
    return tf.ensure_shape(square, (size, size, 3))


def decode_whole(encoded: tf.Tensor, rules: PixelRules) -> tf.Tensor:
    """Decodes a JPEG, PNG or WebP file in a graph, and cuts nothing off.

    Equal to `image_file.read_whole` to the bit.

    Args:
        encoded: string [], the file's bytes.
        rules: of the set that the network was trained on.

    Returns:
        uint8 [h, w, 3], upright.

    Raises:
        tf.errors.InvalidArgumentError: as of `decode`.
    """

    def done(pixels, orientation, white=0.0):
        return upright_bytes(pixels, orientation, rules, white)

    def of_jpeg(orientation):
        return done(decode_jpeg(encoded, 1), orientation)

    whole = _by_kind(encoded, rules, of_jpeg, done)
    return tf.ensure_shape(whole, (None, None, 3))


def _by_kind(
    encoded: tf.Tensor,
    rules: PixelRules,
    of_jpeg: Callable[[tf.Tensor], tf.Tensor],
    done: Callable[..., tf.Tensor],
) -> tf.Tensor:
    """Decodes a file as what its first bytes say that it is.

    Args:
        encoded: string [], the file's bytes.
        rules: of the set.
        of_jpeg: makes the result of the orientation of a JPEG file.
        done: makes it of the pixels of another, their orientation, and what
            is white in them where they are no bytes.
    """
    data = tf.io.decode_raw(encoded, tf.uint8)
    kinds = _kinds(encoded)
    kind = tf.cast(tf.argmax(kinds), tf.int32)
    known = tf.debugging.Assert(
        tf.reduce_any(kinds),
        ["image_bytes holds a file that is no JPEG, PNG or WebP."],
    )
    with tf.control_dependencies([known]):
        orientation = exif_orientation(data, kind, tuple(_STARTS))

    def of_png():
        white = rules.integer_white or SIXTEEN_BITS
        return tf.cond(
            png_is_deep(data),
            lambda: done(_deep_png(encoded, white), orientation, white),
            lambda: done(_plain_png(encoded, data), orientation),
        )

    return tf.switch_case(
        kind,
        [
            lambda: of_jpeg(orientation),
            of_png,
            lambda: done(decode_webp(encoded), orientation),
        ],
    )


def is_known(encoded: tf.Tensor) -> tf.Tensor:
    """Whether a file, string [], is of a format that `decode` takes."""
    return tf.reduce_any(_kinds(encoded))


def _kinds(encoded: tf.Tensor) -> tf.Tensor:
    return tf.stack([_starts_with(encoded, x) for x in _STARTS.values()])


def _plain_png(encoded: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
    return tf.cond(
        png_has_opacity(data),
        lambda: decode_png(encoded, True),
        lambda: with_opacity(decode_png(encoded, False)),
    )


def _deep_png(encoded: tf.Tensor, white: float) -> tf.Tensor:
    """Returns uint16 [h, w, 4], after an operation that fails on others."""
    values = tf.io.decode_png(encoded, 4, tf.uint16)
    highest = tf.reduce_max(values[..., :3])
    check = tf.debugging.Assert(
        tf.cast(highest, tf.float32) <= (1 + OVERSHOOT) * white,
        [f"A PNG's values exceed {white:g}, the white of the training."],
    )
    with tf.control_dependencies([check]):
        return tf.identity(values)


def _starts_with(encoded: tf.Tensor, start: bytes) -> tf.Tensor:
    return tf.equal(tf.strings.substr(encoded, 0, len(start)), start)


def decode_png(encoded: tf.Tensor | bytes, has_opacity: bool) -> tf.Tensor:
    """Returns the pixels of a PNG file, uint8 [h, w, 4 or 3].

    Args:
        encoded: the file, of eight bits a channel or less.
        has_opacity: whether it tells of any. Where it does not, TensorFlow
            gives it a wrong one if it has less than eight bits.
    """
    return tf.io.decode_png(encoded, 4 if has_opacity else 3)


def with_opacity(pixels: tf.Tensor) -> tf.Tensor:
    """Adds to bytes [h, w, 3] that they are opaque; [h, w, 4] have theirs."""
    opaque = tf.ones_like(pixels[..., :1]) * 255
    pixels = tf.concat([pixels, opaque], -1)[..., :4]
    return tf.ensure_shape(pixels, (None, None, 4))


def decode_webp(encoded: tf.Tensor | bytes) -> tf.Tensor:
    """Returns the first frame of a WebP file, uint8 [h, w, 4]."""
    return with_opacity(tf.io.decode_webp(encoded)[0])


def finish(
    pixels: tf.Tensor,
    orientation: int | tf.Tensor,
    size: int,
    rules: PixelRules,
    white: float = 0.0,
    proposals: tf.Tensor | None = None,
) -> tf.Tensor:
    """Makes a square of bytes of the pixels that a file holds.

    They are turned upright first, or the cut of a side of odd length would
    fall one pixel beside; transparency is gone before neighbours are mixed.

    Args:
        pixels: [h, w, C] with C = 1, 3 or 4.
        orientation: as EXIF counts it, 1 to 8.
        size: side wanted, pixels.
        rules: of the set.
        white: the value that is white; 0 says that they are bytes.
        proposals: of `propose_windows`, for a part of them; None takes the
            centre.

    Returns:
        uint8 [size, size, 3].
    """
    pixels = turn_upright(pixels, orientation)
    if proposals is None:
        pixels = centre_square(pixels)
    else:
        pixels = cut_window(pixels, proposals)
    if white:
        pixels = to_bytes(pixels, white)
    pixels = to_rgb(pixels, rules.ground)
    if proposals is None:
        return resize_images(pixels, size, rules.center_crop)
    return stretch(pixels, size)


def upright_bytes(
    pixels: tf.Tensor,
    orientation: int | tf.Tensor,
    rules: PixelRules,
    white: float = 0.0,
) -> tf.Tensor:
    """Makes bytes of all the pixels that a file holds.

    Args: as `finish`.

    Returns:
        uint8 [h, w, 3].
    """
    pixels = turn_upright(pixels, orientation)
    if white:
        pixels = to_bytes(pixels, white)
    return to_rgb(pixels, rules.ground)


def to_bytes(values: tf.Tensor, white: float) -> tf.Tensor:
    """Scales values to bytes and cuts off what lies outside of 0..white.

    Args:
        values: [..., C]; the fourth channel is opacity, in sixteen bits.
        white: the value that becomes 255.
    """
    tops = [white] * values.shape[-1]
    if len(tops) == 4:
        tops[3] = SIXTEEN_BITS
    scale = tf.constant([255 / top for top in tops], tf.float32)
    scaled = tf.round(tf.cast(values, tf.float32) * scale)
    return tf.saturate_cast(scaled, tf.uint8)


def to_rgb(pixels: tf.Tensor, ground: Sequence[int] | None) -> tf.Tensor:
    """Makes bytes three a pixel: grey repeated, transparency on the ground.

    Args:
        pixels: uint8 [..., C] with C = 1, 3 or 4.
        ground: the colour under transparent pixels; None drops transparency.
    """
    channels = pixels.shape[-1]
    if channels == 1:
        return tf.repeat(pixels, 3, axis=-1)
    colours = pixels[..., :3]
    if channels == 3 or ground is None:
        return colours
    opacity = tf.cast(pixels[..., 3:], tf.int32)
    mixed = tf.cast(colours, tf.int32) * opacity + (255 - opacity) * ground
    return tf.cast((mixed + 127) // 255, tf.uint8)
