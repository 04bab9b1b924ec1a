"""Batches of images with boxes, to train a detector and to evaluate it.

The mechanism is that of `data.labelled`: the order of an epoch is drawn from
(seed, epoch), every image has its own seeds for zoom and flip, and what a
resumed run skips is never computed.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from maenas_tf.config.random_streams import TRAINING_ORDER
from maenas_tf.data.augment import normalize
from maenas_tf.data.epoch_table import check_start, epoch_table
from maenas_tf.data.pipeline import batched
from maenas_tf.detection.boxed_images import BoxedImages
from maenas_tf.detection.zoom import zoom_at_random


def training_batches(
    data: BoxedImages,
    indices: np.ndarray,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    flip: bool,
    zoom: float,
    steps: int,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Make one epoch of shuffled batches.

    Args:
        data: images and boxes.
        indices: of the images to train on.
        batch_size: images in a step.
        seed: of everything random here.
        epoch: counted from 0.
        flip: mirror every other image, with its boxes.
        zoom: the largest factor of `zoom_at_random`; 1 leaves it out.
        steps: of an epoch.
        start_step: leave out so many of the first.

    Returns:
        A dataset of {"image": float32 [B, S, S, 3], "boxes": float32
        [B, M, 4], "classes": float32 [B, M]}; -1 where there is no box. Its
        content is a function of the arguments alone.
    """
    check_start(start_step, steps)
    table = epoch_table(
        data.images,
        indices,
        TRAINING_ORDER,
        batch_size=batch_size,
        seed=seed,
        epoch=epoch,
        steps=steps,
        start_step=start_step,
        with_labels=False,
    )

    def make(row):
        pixels = data.images.fetch(row["index"])
        boxes, classes = row["boxes"], row["classes"]
        crop_seed, flip_seed, _ = tf.unstack(row["seeds"])
        if zoom > 1:
            pixels, boxes, classes = zoom_at_random(
                pixels, boxes, classes, zoom, crop_seed
            )
        if flip:
            pixels, boxes = flip_at_random(pixels, boxes, flip_seed)
        return _example(data, pixels, boxes, classes)

    return batched(_with_boxes(data, table), make, batch_size)


def evaluation_batches(
    data: BoxedImages, batch_size: int, indices: np.ndarray | None = None
) -> tf.data.Dataset:
    """Make batches of every image once, in order and unchanged.

    Args:
        data: images and boxes.
        batch_size: images in a batch; the last one may be smaller.
        indices: of the images; None takes all.

    Returns:
        As of `training_batches`.
    """
    if indices is None:
        indices = np.arange(data.images.num_images)

    def make(row):
        pixels = data.images.fetch(row["index"])
        return _example(data, pixels, row["boxes"], row["classes"])

    table = _with_boxes(data, {"index": indices})
    return batched(table, make, batch_size, drop_remainder=False)


def flip_at_random(
    pixels: tf.Tensor, boxes: tf.Tensor, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mirrors an image and its boxes left to right, with probability 1/2.

    Args:
        pixels: [S, S, 3].
        boxes: left, upper, right and lower side, float32 [M, 4]; negative
            where there is none, which stays so.
        seed: int32 [2].
    """
    draw = tf.random.stateless_uniform([], seed, alg="philox")
    left, upper, right, lower = tf.unstack(boxes, axis=1)
    side = tf.cast(pixels.shape[1], boxes.dtype)
    moved = tf.stack([side - right, upper, side - left, lower], axis=1)
    moved = tf.where(boxes[:, 2:3] < 0, boxes, moved)
    mirrored = draw < 0.5
    return (
        tf.where(mirrored, tf.reverse(pixels, axis=[1]), pixels),
        tf.where(mirrored, moved, boxes),
    )


def _with_boxes(
    data: BoxedImages, table: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    rows = table["index"]
    return {**table, "boxes": data.boxes[rows], "classes": data.classes[rows]}


def _example(
    data: BoxedImages, pixels: tf.Tensor, boxes: tf.Tensor, classes: tf.Tensor
) -> dict[str, tf.Tensor]:
    return {
        "image": normalize(pixels, data.images.mean, data.images.std),
        "boxes": boxes,
        "classes": tf.cast(classes, tf.float32),
    }
