"""What an image file says of its pixels, read from its bytes in a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

_ORIENTATION = 0x0112
_SHORT, _LONG = 3, 4
# Entries of a directory that are looked at.
_MAX_ENTRIES = 512
_EXIF_HEADER = b"Exif\0\0"
# Of a PNG: 8 bytes of signature, 8 of the first chunk's length and name, 8 of
# width and height, then bits a channel and kind of colour.
PNG_DEPTH = 24
_PNG_COLOUR = 25
_PNG_OPACITY = 4
_JPEG_APP1, _JPEG_SCAN, _JPEG_END = 0xE1, 0xDA, 0xD9


def exif_orientation(
    data: tf.Tensor, kind: tf.Tensor, kinds: Sequence[str]
) -> tf.Tensor:
    """Reads the EXIF orientation of an image file.

    What a file says otherwise, in XMP for instance, does not count.

    Args:
        data: uint8 [n], the file.
        kind: int32 [], which of `kinds` it is.
        kinds: "JPEG", "PNG" and "WEBP" in some order.

    Returns:
        int32 [], 1 to 8; 1 where there is none, or none that is readable.
    """
    finders = {"JPEG": _in_jpeg, "PNG": _in_png, "WEBP": _in_webp}
    start = tf.switch_case(
        kind, [lambda name=name: finders[name](data) for name in kinds]
    )
    return tf.cond(start > 0, lambda: _orientation(data, start), lambda: 1)


def png_is_deep(data: tf.Tensor) -> tf.Tensor:
    """Whether a PNG file, uint8 [n], has sixteen bits a channel."""
    return tf.equal(data[PNG_DEPTH], 16)


def png_has_opacity(data: tf.Tensor) -> tf.Tensor:
    """Whether a PNG file, uint8 [n], may have transparent pixels."""
    colour = tf.cast(data[_PNG_COLOUR], tf.int32)
    has_channel = tf.bitwise.bitwise_and(colour, _PNG_OPACITY) > 0
    return has_channel | (_in_png(data, b"tRNS") > 0)


def _number(
    data: tf.Tensor,
    start: tf.Tensor,
    length: int,
    little: tf.Tensor | bool = False,
) -> tf.Tensor:
    """Returns unsigned numbers, int32; nonsense beyond the end of the data.

    Args:
        data: uint8 [n].
        start: int32 [...], where they start.
        length: bytes of each.
        little: whether the least byte comes first.
    """
    places = start[..., tf.newaxis] + tf.range(length)
    places = tf.clip_by_value(places, 0, tf.size(data) - 1)
    found = tf.cast(tf.gather(data, places), tf.int64)
    weights = tf.constant([256**i for i in reversed(range(length))], tf.int64)
    weights = tf.where(little, weights[::-1], weights)
    # No file is as long as this, and sums with it stay in range.
    return tf.cast(
        tf.minimum(tf.reduce_sum(found * weights, -1), 2**29), tf.int32
    )


def _holds(data: tf.Tensor, start: tf.Tensor, text: bytes) -> tf.Tensor:
    """Whether the data have a text at a place."""
    places = tf.minimum(start + tf.range(len(text)), tf.size(data) - 1)
    wanted = tf.constant(list(text), tf.uint8)
    return tf.reduce_all(tf.equal(tf.gather(data, places), wanted))


def _search(
    data: tf.Tensor,
    first: int,
    look: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
) -> tf.Tensor:
    """Goes from block to block until one is what is looked for.

    Args:
        data: uint8 [n].
        first: where the first block is.
        look: from the place of a block to where what is looked for begins, 0
            if this block is not it, and to the place of the next block.

    Returns:
        int32 [], where it begins; 0 if it is nowhere.
    """
    _, found = tf.while_loop(
        lambda place, found: (found == 0) & (place + 4 <= tf.size(data)),
        lambda place, found: look(place)[::-1],
        (tf.constant(first), tf.constant(0)),
    )
    return found


def _in_jpeg(data: tf.Tensor) -> tf.Tensor:
    def look(place):
        marker = _number(data, place + 1, 1)
        is_exif = (marker == _JPEG_APP1) & _holds(data, place + 4, _EXIF_HEADER)
        # Any number of bytes FF may stand before a marker.
        length = tf.maximum(_number(data, place + 2, 2), 2) + 2
        step = tf.where(marker == 0xFF, 1, length)
        ends = (marker == _JPEG_SCAN) | (marker == _JPEG_END)
        ends |= _number(data, place, 1) != 0xFF
        following = tf.where(ends, tf.size(data), place + step)
        return tf.where(is_exif & ~ends, place + 10, 0), following

    return _search(data, 2, look)


def _in_png(data: tf.Tensor, chunk: bytes = b"eXIf") -> tf.Tensor:
    def look(place):
        is_it = _holds(data, place + 4, chunk)
        following = place + 12 + _number(data, place, 4)
        return tf.where(is_it, place + 8, 0), following

    return _search(data, 8, look)


def _in_webp(data: tf.Tensor) -> tf.Tensor:
    def look(place):
        is_exif = _holds(data, place, b"EXIF")
        start = place + 8
        start += tf.where(_holds(data, start, _EXIF_HEADER), 6, 0)
        length = _number(data, place + 4, 4, little=True)
        return tf.where(is_exif, start, 0), place + 8 + length + length % 2

    return _search(data, 12, look)


def _orientation(data: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """Returns what the first directory of TIFF's tags at a place says."""
    little = _holds(data, start, b"II*\0")
    known = little | _holds(data, start, b"MM\0*")
    directory = start + _number(data, start + 4, 4, little)
    count = tf.minimum(_number(data, directory, 2, little), _MAX_ENTRIES)
    entries = directory + 2 + 12 * tf.range(count)
    inside = known & (entries + 12 <= tf.size(data))
    is_tag = _number(data, entries, 2, little) == _ORIENTATION
    types = _number(data, entries + 2, 2, little)
    value = tf.constant(0)
    for kind, length in ((_SHORT, 2), (_LONG, 4)):
        found = _number(data, entries + 8, length, little)
        wanted = inside & is_tag & (types == kind)
        found = tf.concat([tf.where(wanted, found, 0), [0]], 0)
        value = tf.maximum(value, tf.reduce_max(found))
    return tf.where((value >= 1) & (value <= 8), value, 1)
