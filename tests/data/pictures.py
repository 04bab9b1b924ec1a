"""Image files of many kinds, for tests of all doors that they come in by."""

from __future__ import annotations

import pathlib

import numpy as np
import tensorflow as tf
from PIL import ExifTags, Image

# What makes of an upright picture the one that its orientation turns back.
TO_STORE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def photo(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Returns coarse colours with some noise, always the same."""
    rng = np.random.default_rng(width)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 4, 3), np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.BICUBIC))
    noise = rng.integers(-20, 21, smooth.shape)
    pixels = np.clip(smooth.astype(int) + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def _transparent(width: int, height: int) -> Image.Image:
    picture = photo(width, height)
    picture.putalpha(photo(width + 1, height, "L").crop((0, 0, width, height)))
    return picture


def _turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def _deep_png(*shape: int) -> bytes:
    values = np.random.default_rng(1).integers(0, 4096, shape, np.uint16)
    return tf.io.encode_png(values).numpy()


# Name to how it is written: options of Pillow, or bytes.
_KINDS = {
    "small.jpg": (photo(9, 12), {}),
    "large.jpg": (photo(201, 150), {"quality": 80}),
    "progressive.jpg": (photo(133, 95), {"progressive": True}),
    "fine colours.jpg": (photo(65, 64), {"subsampling": 0}),
    "grey.jpg": (photo(45, 70, "L"), {}),
    "cmyk.jpg": (photo(52, 47, "CMYK"), {"quality": 90}),
    "turned.jpg": (photo(81, 40), {"exif": _turned(6)}),
    "turned and large.jpg": (photo(301, 202), {"exif": _turned(7)}),
    "colour.png": (photo(33, 21), {}),
    "grey.png": (photo(33, 21, "L"), {}),
    "lines.png": (photo(33, 21, "1"), {}),
    "palette.png": (photo(30, 30).quantize(16), {}),
    "hole.png": (photo(30, 30).quantize(16), {"transparency": 3}),
    "hole in grey.png": (photo(30, 30, "L"), {"transparency": 120}),
    "hole in colour.png": (
        Image.new("RGB", (20, 30), (9, 8, 7)),
        {"transparency": (9, 8, 7)},
    ),
    "transparent.png": (_transparent(40, 31), {}),
    "transparent grey.png": (_transparent(40, 31).convert("LA"), {}),
    "turned.png": (photo(37, 50), {"exif": _turned(8)}),
    "deep.png": (_deep_png(20, 27, 1), {}),
    "deep colour.png": (_deep_png(20, 27, 3), {}),
    "deep transparent.png": (_deep_png(20, 27, 4), {}),
    "colour.webp": (photo(48, 40), {"quality": 70}),
    "transparent.webp": (_transparent(41, 40), {"lossless": True}),
    "turned.webp": (photo(60, 41), {"exif": _turned(5)}),
}
SERVED = tuple(_KINDS)


def write_all(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Writes a file of each kind; returns their paths by name."""
    paths = {}
    for name, (content, options) in _KINDS.items():
        paths[name] = folder / name
        if isinstance(content, bytes):
            paths[name].write_bytes(content)
        else:
            content.save(paths[name], **options)
    return paths
