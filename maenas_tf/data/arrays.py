"""Images that the caller has in memory or in a tf.data.Dataset."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from maenas_tf.config import ConfigError
from maenas_tf.data import decoding
from maenas_tf.data.array_images import ArrayImages, make_array_images
from maenas_tf.data.array_input import as_blocks, collect
from maenas_tf.data.labels import check_labels
from maenas_tf.data.memory import check_memory
from maenas_tf.data.pixel_rules import NEW_RULES, PixelRules
from maenas_tf.data.plain_images import warn_of_plain
from maenas_tf.data.resizing import DEFAULT_SIZE, resize_images
from maenas_tf.data.value_range import ValueRange

_CHUNK = 1000


def from_arrays(
    images: Any,
    *,
    image_size: int = 0,
    labels: Any = None,
    max_images: int = 0,
    rules: PixelRules = NEW_RULES,
) -> ArrayImages:
    """Make an image set of arrays, or of a tf.data.Dataset of images.

    Args:
        images: [N, H, W, C] with C = 1, 3 or 4, or [N, H, W], or a list of
            images of any sizes. Which value is white is decided for all of
            them together, as `ValueRange` does, and said; that of bytes is
            255. A dataset's elements are tensors of one image or of a batch,
            or dictionaries that hold such a tensor under "image"; nothing
            else of them is kept.
        image_size: side in pixels; 0 keeps the size of square images of one
            size, and means 64 for others. The shorter side is resized, then
            the centre square kept.
        labels: [N], the numbers of the classes, of which 0 to the largest one
            all occur; or None.
        max_images: keep the first so many; 0 keeps all.
        rules: what lies under transparent pixels.

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
    blocks, num_given = _blocks(images, image_size, max_images, rules)
    count = sum(len(block) for block in blocks)
    if not any(block.size for block in blocks):
        raise ConfigError("images is empty; give at least one image.")
    class_names = ()
    if labels is not None:
        labels = check_labels(labels, num_given, or_more=bool(max_images))
        class_names = tuple(str(number) for number in range(labels.max() + 1))
        labels = labels[:count]
    white = _white(blocks)
    size = image_size or _own_size(blocks)
    check_memory(count, size)
    made = make_array_images(
        _squares(blocks, count, size, white, rules),
        name="arrays",
        labels=labels,
        class_names=class_names,
        pixels=_with_white(rules, blocks, white),
    )
    warn_of_plain(made, "images", lambda index: f"images[{index}]")
    return made


def _blocks(
    images: Any, image_size: int, max_images: int, rules: PixelRules
) -> tuple[list[np.ndarray], int]:
    """Returns what is kept of the images, and how many there were."""
    if isinstance(images, tf.data.Dataset):
        pixels = collect(images, image_size, max_images, rules)
        return [pixels], len(pixels)
    blocks = as_blocks(images)
    num_given = sum(len(block) for block in blocks)
    if len(blocks) > 1:
        return blocks[: max_images or None], num_given
    return [blocks[0][: max_images or None]], num_given


def _white(blocks: Sequence[np.ndarray]) -> float:
    """Returns the value that is white in all blocks; 0 where all are bytes."""
    kinds = {block.dtype for block in blocks}
    for kind in kinds:
        if kind.kind not in "uif":
            raise ConfigError(
                f"images has the type {kind}; give uint8 or floating numbers."
            )
    if kinds == {np.dtype(np.uint8)}:
        return 0.0
    if len({kind.kind == "f" for kind in kinds}) > 1:
        raise ConfigError(
            f"images holds arrays of the types "
            f"{', '.join(sorted(str(kind) for kind in kinds))}, whose ranges "
            f"differ; give all of one type."
        )
    found = ValueRange()
    for block in blocks:
        for start in range(0, len(block), _CHUNK):
            found.add(block[start : start + _CHUNK])
    white = found.white()
    logging.warning("images: %s.", found.describe(white))
    return white


def _with_white(
    rules: PixelRules, blocks: Sequence[np.ndarray], white: float
) -> PixelRules:
    if not white:
        return rules
    kind = "float" if blocks[0].dtype.kind == "f" else "integer"
    return dataclasses.replace(rules, **{f"{kind}_white": white})


def _own_size(blocks: Sequence[np.ndarray]) -> int:
    sides = {side for block in blocks for side in block.shape[1:3]}
    return sides.pop() if len(sides) == 1 else DEFAULT_SIZE


def _squares(
    blocks: Sequence[np.ndarray],
    count: int,
    size: int,
    white: float,
    rules: PixelRules,
) -> np.ndarray:
    """Returns the images as bytes [count, size, size, 3]."""
    first = blocks[0]
    if not white and first.shape == (count, size, size, 3):
        return first
    result = np.empty((count, size, size, 3), np.uint8)
    end = 0
    for block in blocks:
        for place in range(0, len(block), _CHUNK):
            part = _to_bytes(block[place : place + _CHUNK], white)
            start, end = end, end + len(part)
            result[start:end] = _to_size(part, size, rules)
    return result


def _to_bytes(values: np.ndarray, white: float) -> np.ndarray:
    if not white:
        return values
    scaled = np.clip(values.astype(np.float32), 0, white) * (255 / white)
    return np.rint(scaled).astype(np.uint8)


def _to_size(pixels: np.ndarray, size: int, rules: PixelRules) -> np.ndarray:
    """Resizes bytes [N, H, W, C]; one channel stays one."""
    if pixels.shape[-1] == 4:
        pixels = decoding.to_rgb(tf.constant(pixels), rules.ground)
    if pixels.shape[1:3] != (size, size):
        pixels = tf.constant(pixels)
        pixels = resize_images(pixels, size, rules.center_crop)
    return np.asarray(pixels)
