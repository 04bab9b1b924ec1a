"""One image file to a square of bytes, and whether that will do."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import pillow_heif
import tensorflow as tf
from PIL import ExifTags, Image

from maenas_tf.data import decoding
from maenas_tf.data.image_headers import PNG_DEPTH
from maenas_tf.data.jpeg import decode_jpeg, decode_part, decode_small
from maenas_tf.data.pixel_rules import NEW_RULES, PixelRules
from maenas_tf.data.value_range import ValueRange, is_beyond

# What phones save: .heic and .heif. Pillow itself knows AVIF.
pillow_heif.register_heif_opener()

# Told by the first bytes, whatever a file is called. Formats that nearly any
# bytes would pass for are left out.
_TOLD_BY_CONTENT = tuple(
    "AVIF BMP DDS GIF HEIF JPEG JPEG2000 PNG PPM PSD QOI SGI SUN TIFF "
    "WEBP".split()
)
# Where a JPEG's end marker is looked for; some writers add a few bytes.
_TAIL = 64
_END_OF_JPEG = b"\xff\xd9"
# Of these, formats of Pillow that are JPEG.
_JPEG = ("JPEG", "MPO")
# Modes of Pillow that have a channel of opacity.
_WITH_OPACITY = ("LA", "La", "PA", "RGBA", "RGBa")


def read_image(
    path: str | os.PathLike[str],
    size: int,
    rules: PixelRules = NEW_RULES,
    proposals: np.ndarray | None = None,
) -> np.ndarray:
    """Decode one image file into a square of RGB bytes.

    What TensorFlow decodes, it decodes here as in a server, so that both see
    the same bytes (`decoding.decode`); Pillow decodes all else. A large JPEG
    is reduced inside its decoder, the cheapest place, to no less than twice
    the size: the bytes are then a few levels beside those of a resized
    picture of full size.

    Args:
        path: the file. Of an animation the first frame is read.
        size: side wanted, pixels.
        rules: of the set that it belongs to.
        proposals: of `propose_windows`, for a part of the picture; None takes
            its centre.

    Returns:
        uint8 [size, size, 3].

    Raises:
        ValueError: its values are beyond the range of the set.
        Exception: of many kinds, where it cannot be decoded.
    """
    with Image.open(path) as image, tf.device("CPU:0"):
        if proposals is not None and image.format in _JPEG:
            encoded = pathlib.Path(path).read_bytes()
            turned = _orientation(image)
            return decode_part(encoded, turned, size, proposals).numpy()
        pixels = _decoded(image, path, size, rules)
        white = 0.0
        if pixels.dtype != tf.uint8:
            white = _white(image, pixels, rules)
        # Not before: of a TIFF Pillow has turned what it decodes.
        turned = _orientation(image)
        return decoding.finish(
            pixels, turned, size, rules, white, proposals
        ).numpy()


def read_whole(
    path: str | os.PathLike[str], rules: PixelRules = NEW_RULES
) -> tf.Tensor:
    """Decode one image file, and cut nothing off.

    Args:
        path: the file. Of an animation the first frame is read.
        rules: of the set that it belongs to.

    Returns:
        uint8 [h, w, 3], upright.

    Raises:
        ValueError: its values are beyond the range of the set.
        Exception: of many kinds, where it cannot be decoded.
    """
    with Image.open(path) as image, tf.device("CPU:0"):
        if image.format in _JPEG:
            encoded = pathlib.Path(path).read_bytes()
            pixels = decode_jpeg(encoded, 1)
        else:
            pixels = _decoded(image, path, 1, rules)
        white = 0.0
        if pixels.dtype != tf.uint8:
            white = _white(image, pixels, rules)
        turned = _orientation(image)
        return decoding.upright_bytes(pixels, turned, rules, white)


def upright_sides(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Returns height and width of an upright picture, without decoding it.

    Raises:
        Exception: of many kinds, where it is no image.
    """
    with Image.open(path) as image:
        width, height = image.size
        if _orientation(image) >= 5:
            return width, height
        return height, width


def deep_values(path: str | os.PathLike[str]) -> np.ndarray | None:
    """Returns an image's values where they are more than bytes.

    Args:
        path: the file.

    Returns:
        Integers or floats of any shape; None for images of bytes, and for
        those whose format tells what is white.

    Raises:
        Exception: of many kinds, where it cannot be decoded.
    """
    with Image.open(path) as image, tf.device("CPU:0"):
        if not _is_deep(image, path) or image.format == "PPM":
            return None
        values = np.asarray(_decoded(image, path, 1, NEW_RULES))
        return values[..., :3]


def check_image(
    path: str | os.PathLike[str], size: int, rules: PixelRules = NEW_RULES
) -> None:
    """Raises what `read_image` would raise, for less work where possible.

    A JPEG file that has its end and a PNG file whose checksums are right are
    believed; all else is decoded, to be sure. What a JPEG's bytes have become
    in between is not seen.

    Args:
        path: the file.
        size: side wanted, pixels.
        rules: of the set that it belongs to.
    """
    with Image.open(path) as image:
        believed = not _is_deep(image, path) and _is_whole(image)
    if not believed:
        read_image(path, size, rules)


def _decoded(
    image: Image.Image,
    path: str | os.PathLike[str],
    size: int,
    rules: PixelRules,
) -> tf.Tensor:
    """Returns the pixels, uint8 [h, w, 3 or 4], or others of a deep image."""
    if image.format in _JPEG:
        encoded = pathlib.Path(path).read_bytes()
        return decode_small(encoded, size, rules)
    if image.format == "PNG":
        encoded = pathlib.Path(path).read_bytes()
        if _is_deep(image, path):
            return tf.io.decode_png(encoded, 4, tf.uint16)
        return decoding.decode_png(encoded, _has_opacity(image))
    if image.format == "WEBP":
        return decoding.decode_webp(pathlib.Path(path).read_bytes())
    if _is_deep(image, path):
        values = np.asarray(image)
        kind = np.float32 if values.dtype.kind == "f" else np.int32
        return tf.constant(values.astype(kind)[..., np.newaxis])
    # A palette's indices cannot be interpolated.
    converted = image.convert("RGBA" if _has_opacity(image) else "RGB")
    return tf.constant(np.asarray(converted))


def _is_deep(image: Image.Image, path: str | os.PathLike[str]) -> bool:
    """Whether the image has more than eight bits a channel that we can read."""
    if image.format != "PNG":
        return image.mode.startswith(("I", "F"))
    with open(path, "rb") as file:
        return file.read(PNG_DEPTH + 1)[-1] == 16


def _has_opacity(image: Image.Image) -> bool:
    """Whether an image of bytes may have transparent pixels."""
    return image.mode in _WITH_OPACITY or "transparency" in image.info


def _white(image: Image.Image, values: tf.Tensor, rules: PixelRules) -> float:
    """Returns the value that is white in a deep image."""
    if image.format == "PPM":
        return decoding.SIXTEEN_BITS  # Pillow has scaled it to that.
    values = values.numpy()[..., :3]
    if values.dtype.kind == "f":
        white = rules.float_white
    else:
        white = rules.integer_white
        if image.format == "PNG" or image.mode.startswith("I;16"):
            white = white or decoding.SIXTEEN_BITS
    if not white:
        values_range = ValueRange()
        values_range.add(values)
        return values_range.white()
    low, high = float(values.min()), float(values.max())
    if is_beyond(low, high, white):
        raise ValueError(
            f"its values from {low:g} to {high:g} are not those of the other "
            f"images, 0 to {white:g}"
        )
    return white


def _orientation(image: Image.Image) -> int:
    """Returns how a picture is to be turned, as EXIF counts it."""
    try:
        if "exif" in image.info:
            exif = Image.Exif()
            exif.load(image.info["exif"])
        else:
            exif = image.getexif()
        value = exif.get(ExifTags.Base.Orientation, 1)
    # Broken tags make Pillow raise nearly anything, and are no reason to
    # leave a picture out.
    except Exception:
        return 1
    return value if value in range(1, 9) else 1


def _is_whole(image: Image.Image) -> bool:
    if image.format == "JPEG":
        length = image.fp.seek(0, os.SEEK_END)
        image.fp.seek(max(0, length - _TAIL))
        return _END_OF_JPEG in image.fp.read()
    if image.format == "PNG":
        try:
            image.verify()
        # A broken file makes Pillow raise nearly anything.
        except Exception:
            return False
        return True
    return False


def begins_as_image(path: str | os.PathLike[str]) -> bool:
    """Returns whether the first bytes of a file are those of an image."""
    try:
        with Image.open(path, formats=_TOLD_BY_CONTENT):
            return True
    # What is no image makes Pillow raise nearly anything.
    except Exception:
        return False
