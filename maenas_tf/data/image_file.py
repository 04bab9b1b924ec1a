"""One image file to a square of bytes, and whether that will do."""

from __future__ import annotations

import os

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

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


def read_image(path: str | os.PathLike[str], size: int) -> np.ndarray:
    """Decode one image file into a square of RGB bytes.

    Order of the steps: the size is reduced inside the JPEG decoder where
    possible (the cheapest place); the EXIF orientation is applied before the
    centre is cut; colours are converted before resizing, as a palette's
    indices cannot be interpolated.

    Args:
        path: the file. Of an animation the first frame is read.
        size: side wanted, pixels.

    Returns:
        uint8 [size, size, 3]. Transparency is dropped; sixteen bits a pixel
        become eight.
    """
    with Image.open(path) as image:
        image.draft(None, (2 * size, 2 * size))
        upright = ImageOps.exif_transpose(image)
        square = ImageOps.fit(
            _to_rgb(upright), (size, size), Image.Resampling.BILINEAR
        )
        return np.asarray(square)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        # Pillow would clip these at 255 and turn a 16-bit picture white.
        pixels = np.asarray(image, np.float64)
        if image.mode.startswith("I"):
            pixels = pixels / 257  # 65535 / 255
        elif pixels.max(initial=0) <= 1:
            pixels = pixels * 255
        pixels = np.clip(np.round(pixels), 0, 255)
        image = Image.fromarray(pixels.astype(np.uint8))
    if image.mode == "P":
        image = image.convert("RGBA")  # Palettes may hold transparency.
    return image.convert("RGB")


def check_image(path: str | os.PathLike[str], size: int) -> None:
    """Raises what `read_image` would raise, for less work where possible.

    A JPEG file that has its end and a PNG file whose checksums are right are
    believed; all else is decoded, to be sure. What a JPEG's bytes have become
    in between is not seen.

    Args:
        path: the file.
        size: side wanted, pixels.
    """
    with Image.open(path) as image:
        believed = _is_whole(image)
    if not believed:
        read_image(path, size)


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
