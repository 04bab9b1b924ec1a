"""Images that the caller has in memory or in a tf.data.Dataset."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data.array_images import ArrayImages, make_array_images
from maenas_tf.data.labels import check_labels
from maenas_tf.data.memory import check_memory
from maenas_tf.data.resizing import DEFAULT_SIZE, resize_images

_CHUNK = 1000


def from_arrays(
    images: Any,
    *,
    image_size: int = 0,
    labels: Any = None,
    max_images: int = 0,
) -> ArrayImages:
    """Make an image set of arrays, or of a tf.data.Dataset of images.

    Args:
        images: [N, H, W, C] with C = 1, 3 or 4 (transparency is dropped), or
            [N, H, W]. Integers are bytes, 0..255. Floating numbers are taken
            as 0..1 if none exceeds 1, else as 0..255. A dataset's elements
            are tensors of one image or of a batch, or dictionaries that hold
            such a tensor under "image"; nothing else of them is kept.
        image_size: side in pixels; 0 keeps the size of square images of one
            size, and means 64 for others. The shorter side is resized, then
            the centre square kept.
        labels: [N], the numbers of the classes, of which 0 to the largest one
            all occur; or None.
        max_images: keep the first so many; 0 keeps all.

    Returns:
        The images as bytes, with their measured mean and deviation.

    Raises:
        ConfigError: (a ValueError) shape, type or values do not fit, the
            dataset never ends, the images would not fit in memory, or the
            labels are no such numbers.

    Examples:
        >>> from_arrays(np.zeros([10, 8, 8], np.uint8)).images.shape
        (10, 8, 8, 3)
    """
    if isinstance(images, tf.data.Dataset):
        pixels = _collect(images, image_size, max_images)
        num_given = len(pixels)
    else:
        pixels = np.asarray(images)
        _check_rank(pixels.shape, (3, 4))
        if pixels.ndim == 3:
            pixels = pixels[..., np.newaxis]
        _check_channels(pixels.shape)
        num_given = len(pixels)
        pixels = pixels[: max_images or None]
    if not pixels.size:
        raise ConfigError("images is empty; give at least one image.")
    class_names = ()
    if labels is not None:
        labels = check_labels(labels, num_given, or_more=bool(max_images))
        class_names = tuple(str(number) for number in range(labels.max() + 1))
        labels = labels[: len(pixels)]
    pixels = _to_size(_to_bytes(pixels), image_size)
    return make_array_images(
        pixels, name="arrays", labels=labels, class_names=class_names
    )


def _check_rank(shape: tuple[int, ...], ranks: tuple[int, ...]) -> None:
    if len(shape) not in ranks:
        raise ConfigError(
            f"images has the shape {tuple(shape)}; give [N, H, W, C] or "
            f"[N, H, W]."
        )


def _check_channels(shape: tuple[int | None, ...]) -> None:
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


def _to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Check the values and convert them to bytes, by the rule above."""
    kind = pixels.dtype.kind
    if kind not in "uif":
        raise ConfigError(
            f"images has the type {pixels.dtype}; give uint8 or floating "
            f"numbers."
        )
    if pixels.dtype == np.uint8:
        return pixels
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= 255):  # True for NaN as well
        raise ConfigError(
            f"images holds values from {low} to {high}; give raw pixels in "
            f"0..255, or floating numbers in 0..1, not normalised ones."
        )
    if kind != "f":
        return pixels.astype(np.uint8)
    scale = 255 if high <= 1 else 1
    result = np.empty(pixels.shape, np.uint8)
    for start in range(0, len(pixels), _CHUNK):
        part = pixels[start : start + _CHUNK].astype(np.float32)
        result[start : start + _CHUNK] = np.rint(part * scale)
    return result


def _to_size(pixels: np.ndarray, image_size: int) -> np.ndarray:
    """Resize bytes [N, H, W, C] and make their channels three."""
    count, height, width, channels = pixels.shape
    size = image_size or (height if height == width else DEFAULT_SIZE)
    check_memory(count, size)
    if (height, width) == (size, size) and channels == 3:
        return pixels
    result = np.empty((count, size, size, 3), np.uint8)
    for start in range(0, count, _CHUNK):
        part = pixels[start : start + _CHUNK, ..., :3]
        if (height, width) != (size, size):
            part = resize_images(tf.constant(part), size).numpy()
        result[start : start + _CHUNK] = part  # one channel is repeated
    return result


def _collect(
    dataset: tf.data.Dataset, image_size: int, max_images: int
) -> np.ndarray:
    """Read a dataset's images into one array of rank 4."""
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
    _check_channels(tuple(spec.shape))
    cardinality = int(dataset.cardinality())
    if cardinality == tf.data.INFINITE_CARDINALITY and not max_images:
        raise ConfigError(
            "The dataset never ends; drop its repeat() or give max_images."
        )
    if is_dict:
        dataset = dataset.map(_image_of)
    if spec.shape.rank == 4:
        dataset = dataset.unbatch()
    height, width = spec.shape[-3], spec.shape[-2]
    if not height or height != width:
        size = image_size or DEFAULT_SIZE
        dataset = dataset.map(lambda image: resize_images(image, size))
    stop = max_images or None
    rows = []
    for row in itertools.islice(dataset.as_numpy_iterator(), stop):
        rows.append(row)
        if len(rows) % _CHUNK == 0:
            check_memory(len(rows), row.shape[0])
    return np.stack(rows) if rows else np.empty((0, 1, 1, 3), np.uint8)


def _image_of(example: dict[str, tf.Tensor]) -> tf.Tensor:
    return example["image"]
