"""What callers give as images, as arrays of rank 4."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from maenas_tf.config import ConfigError
from maenas_tf.data import decoding
from maenas_tf.data.memory import check_memory
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.resizing import DEFAULT_SIZE, resize_images

_CHUNK = 1000
# Modes of Pillow whose values are those of pixels.
_PLAIN_MODES = ("L", "RGB", "RGBA", "I;16", "I", "F")


def as_blocks(images: Any) -> list[np.ndarray]:
    """Returns images as few arrays [N, H, W, C], in their order.

    Args:
        images: [N, H, W, C] or [N, H, W], or a sequence of images [H, W, C],
            [H, W] or of Pillow, of any sizes.

    Raises:
        ConfigError: they are something else.
    """
    if isinstance(images, np.ndarray) and images.dtype == object:
        images = list(images.ravel())
    if isinstance(images, (list, tuple)) and _holds_images(images):
        arrays = [_picture(index, image) for index, image in enumerate(images)]
        if len({(array.shape, array.dtype) for array in arrays}) > 1:
            return arrays
        return [np.concatenate(arrays)]
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise ConfigError(
            f"images is a {type(images).__name__} that is no array ({error}); "
            f"give [N, H, W, C], [N, H, W] or a list of arrays."
        ) from error
    check_rank(array.shape, (3, 4))
    if array.ndim == 3:
        _check_stack(array.shape)
        array = array[..., np.newaxis]
    check_channels(array.shape)
    return [array]


def _holds_images(images: Sequence[Any]) -> bool:
    for image in images:
        if isinstance(image, (str, os.PathLike)):
            raise ConfigError(
                f"images holds the path {image}; give the path of one folder, "
                f"or arrays."
            )
    return bool(images) and all(
        isinstance(image, Image.Image) or getattr(image, "shape", ())
        for image in images
    )


def _picture(index: int, image: Any) -> np.ndarray:
    """Returns one image as [1, H, W, C]."""
    if isinstance(image, Image.Image):
        image = ImageOps.exif_transpose(image)
        if image.mode not in _PLAIN_MODES:
            image = image.convert("RGBA")
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim != 3 or array.shape[-1] not in (1, 3, 4) or not array.size:
        raise ConfigError(
            f"images[{index}] has the shape {np.shape(image)}; give a list of "
            f"images [H, W], or [H, W, C] with 1, 3 or 4 channels."
        )
    return array[np.newaxis]


def check_rank(shape: tuple[int, ...], ranks: tuple[int, ...]) -> None:
    """Raises ConfigError unless the rank is one of some."""
    if len(shape) in ranks:
        return
    remedy = ""
    if len(shape) == 2:
        remedy = (
            "; make images of rows of numbers by reshape, and a batch of one "
            "grey image by images[np.newaxis]"
        )
    raise ConfigError(
        f"images has the shape {tuple(shape)}; give [N, H, W, C] or "
        f"[N, H, W]{remedy}."
    )


def _check_stack(shape: tuple[int, ...]) -> None:
    """Raises ConfigError if a stack of grey images may be one in colour.

    No network takes images three pixels wide, so that what has a last axis of
    1, 3 or 4 is one image. A first axis of 3 can be either.
    """
    if shape[-1] in (1, 3, 4):
        raise ConfigError(
            f"images has the shape {shape}, that of one image; give a batch, "
            f"of one image by images[np.newaxis]."
        )
    if shape[0] == 3:
        raise ConfigError(
            f"images has the shape {shape}, that of three grey images and of "
            f"one with its channels first; give images[..., np.newaxis] or "
            f"np.moveaxis(images, 0, -1)[np.newaxis]."
        )


def check_channels(shape: tuple[int | None, ...]) -> None:
    """Raises ConfigError unless the last axis is that of channels."""
    if shape[-1] in (1, 3, 4):
        return
    first = len(shape) > 2 and shape[-3] in (1, 3)
    raise ConfigError(
        f"images has the shape {tuple(shape)}, whose last axis is not 1, 3 or "
        f"4 channels"
        + (
            "; move the channels last: np.moveaxis(images, -3, -1)."
            if first
            else "."
        )
    )


def collect(
    dataset: tf.data.Dataset,
    image_size: int,
    max_images: int,
    rules: PixelRules,
) -> np.ndarray:
    """Reads a dataset's images into one array of rank 4.

    Args:
        dataset: of images or batches, or of dictionaries with one "image".
        image_size: side in pixels; 0 means 64 where sizes may differ.
        max_images: read at most so many; 0 reads all.
        rules: what lies under transparent pixels, and what is cut off.

    Raises:
        ConfigError: it is of something else, never ends, or takes too much
            memory.
    """
    spec = dataset.element_spec
    is_dict = isinstance(spec, dict)
    spec = spec.get("image") if is_dict else spec
    if not isinstance(spec, tf.TensorSpec) or spec.shape.rank not in (3, 4):
        raise ConfigError(
            f"The dataset's elements are {dataset.element_spec}; give tensors "
            f"[H, W, C] or [B, H, W, C], or dictionaries with such a tensor "
            f"under 'image'. Drop labels with "
            f"dataset.map(lambda image, label: image)."
        )
    check_channels(tuple(spec.shape))
    cardinality = int(dataset.cardinality())
    if cardinality == tf.data.INFINITE_CARDINALITY and not max_images:
        raise ConfigError(
            "The dataset never ends; drop its repeat() or give max_images."
        )
    if is_dict:
        dataset = dataset.map(_image_of)
    if spec.shape.rank == 4:
        dataset = dataset.unbatch()
    if spec.dtype == tf.uint8 and spec.shape[-1] == 4:
        # Before sizes change, as colours must not be mixed with hidden ones.
        dataset = dataset.map(lambda x: decoding.to_rgb(x, rules.ground))
    height, width = spec.shape[-3], spec.shape[-2]
    if not height or height != width:
        size = image_size or DEFAULT_SIZE
        part = rules.center_crop
        dataset = dataset.map(lambda image: resize_images(image, size, part))
    stop = max_images or None
    rows = []
    for row in itertools.islice(dataset.as_numpy_iterator(), stop):
        rows.append(row)
        if len(rows) % _CHUNK == 0:
            check_memory(len(rows), row.shape[0])
    return np.stack(rows) if rows else np.empty((0, 1, 1, 3), np.uint8)


def _image_of(example: dict[str, tf.Tensor]) -> tf.Tensor:
    return example["image"]
