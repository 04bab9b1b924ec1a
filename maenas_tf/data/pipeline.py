"""The way of the data: from an image source to batches for both levels.

The order is fixed. For every epoch and each of two disjoint halves:

1. shuffle: a permutation of the half's indices, drawn from (seed, pass,
   half). Only indices are shuffled, so all of the half is mixed and the
   buffer costs nothing. An epoch is one pass, or so many steps of the row of
   passes as are asked for.
2. drop the first `start_step` batches: a slice of the indices, so resuming
   late in an epoch costs no more than early.
3. fetch the image by index: from one tensor in host memory, its file, or its
   record; of a crop of random size only what is cut is decoded.
4. the augmentation of bytes (crop, flip, colours), a quarter of the memory
   traffic of floats.
5. normalise: after the crop, before the task, as a masked patch's zeros must
   mean the data set's mean.
6. the augmentation of values (cutout).
7. the task's map (mask, rotation, ...), fresh for every image and epoch.
8. pair the halves, batch, prefetch.

Every image has its own seeds, hashed from (seed, pass, index of the image):
parallel workers, batch size, the position in the epoch and resumption cannot
change a pixel. Same seed and epoch, same batches.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError, random_streams
from maenas_tf.data.augment import Augmentation, normalize
from maenas_tf.data.epoch_table import check_start, epoch_table
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.share import present_share

HALVES = ("weights", "alphas")
EQUAL = (0.5, 0.5)
# How many examples are made at a time. Not left to TensorFlow, which tunes
# nothing while a network is trained (`engine.iterators`).
AT_A_TIME = os.cpu_count() or 1
_ORDERS = {
    "weights": random_streams.WEIGHTS_ORDER,
    "alphas": random_streams.ALPHAS_ORDER,
}

Example = dict[str, tf.Tensor]


def split_halves(
    num_images: int, seed: int, fractions: Sequence[float] = EQUAL
) -> tuple[np.ndarray, np.ndarray]:
    """Split the images at random into two disjoint parts.

    Args:
        num_images: how many there are.
        seed: of the split.
        fractions: of all images that the parts have, rounded down: two halves
            leave out one of an odd number.

    Returns:
        Two arrays int64 of indices, for the weights and for the architecture
        parameters; the same for the same arguments.

    Raises:
        ConfigError: a part has no image.
    """
    weights, alphas = _part_sizes(num_images, fractions)
    order = random_streams.HALVES.generator(seed).permutation(num_images)
    return order[:weights], order[weights : weights + alphas]


def _part_sizes(num_images: int, fractions: Sequence[float]) -> list[int]:
    if num_images < 2:
        raise ConfigError(
            f"A search needs at least 2 images, one for each half, and got "
            f"{num_images}; raise --max_images or give more data."
        )
    # What is a whole number but for rounding is not to lose one.
    sizes = [math.floor(num_images * part + 1e-6) for part in fractions]
    for half, part, size in zip(HALVES, fractions, sizes, strict=True):
        if not size:
            raise ConfigError(
                f"--{half[:-1]}_image_fraction={part} of the {num_images} "
                f"images is none; give more of them."
            )
    return sizes


def steps_per_epoch(
    num_images: int, batch_size: int, fractions: Sequence[float] = EQUAL
) -> int:
    """Count the steps of an epoch, one pass over the images of the weights.

    The remainder of a part is dropped.

    Args:
        num_images: of both parts together.
        batch_size: images of each part in a step.
        fractions: as of `split_halves`.

    Returns:
        The number of steps, at least 1.

    Raises:
        ConfigError: a batch is larger than a part of the images.
    """
    sizes = _part_sizes(num_images, fractions)
    least = min(sizes)
    if not 1 <= batch_size <= least:
        parts = "each half of the"
        if tuple(fractions) != EQUAL:
            parts = "the smaller part of the"
        raise ConfigError(
            f"--batch_size={batch_size} is not valid: {parts} {num_images} "
            f"images has {least}; give a number from 1 to {least}."
        )
    return sizes[0] // batch_size


def bilevel_dataset(
    images: ImageSource,
    *,
    example_map: Callable[[Example, tf.Tensor], Example],
    batch_size: int,
    seed: int,
    epoch: int,
    augmentation: Augmentation,
    steps: int = 0,
    start_step: int = 0,
    with_labels: bool,
    only: Sequence[str] = HALVES,
    fractions: Sequence[float] = EQUAL,
) -> tf.data.Dataset:
    """Make one epoch of paired batches for the two levels of the search.

    Args:
        images: the images.
        example_map: the task's map of one example and a seed, int32 [2]. The
            example holds "image", float32 [H, W, 3], normalised; "pixels",
            uint8 [H, W, 3], the same before that; "index", int64 [], the
            image's number, the same in all epochs; and "label", int32 [],
            only when `with_labels`.
        batch_size: images of each half in a step.
        seed: of everything random here.
        epoch: counted from 0; another epoch has another order and fresh
            crops, flips and masks.
        augmentation: of the images.
        steps: of an epoch; 0 is one pass, see `epoch_table`.
        start_step: leave out so many of the first steps; equal to `.skip`,
            without computing what is skipped.
        with_labels: whether examples have labels.
        only: the halves to make; another one is left out at no cost.
        fractions: as of `split_halves`. A step has as many images of each
            half; those of a smaller one are met more often.

    Returns:
        A dataset of {"weights": batch, "alphas": batch}, where a batch is
        what `example_map` returns, stacked. Its content is a function of
        the arguments alone.

    Raises:
        ConfigError: a batch is larger than half of the images.
        ValueError: labels are wanted and there are none, or `start_step` is
            out of range.
    """
    one_pass = steps_per_epoch(images.num_images, batch_size, fractions)
    check_start(start_step, steps or one_pass)
    if with_labels and images.labels is None:
        raise ValueError(
            f"with_labels=True, but the data set {images.name!r} was "
            f"loaded without labels; load it with them."
        )
    tables = {}
    halves = split_halves(images.num_images, seed, fractions)
    for half, indices in zip(HALVES, halves, strict=True):
        if half in only:
            tables[half] = epoch_table(
                images,
                indices,
                _ORDERS[half],
                batch_size=batch_size,
                seed=seed,
                epoch=epoch,
                steps=steps or one_pass,
                start_step=start_step,
                with_labels=with_labels,
            )

    make_example = example_maker(images, augmentation, example_map)

    def make_pair(rows):
        return {half: make_example(row) for half, row in rows.items()}

    return batched(tables, make_pair, batch_size)


def batched(
    tables: Any,
    make_examples: Callable[[Any], Any],
    batch_size: int,
    drop_remainder: bool = True,
) -> tf.data.Dataset:
    """Makes batches of tables, in their order.

    Of full batches alone those parts that are to be made here (`share.py`).

    Args:
        tables: of `example_table`, or a structure of them.
        make_examples: makes what is batched of a row.
        batch_size: examples in a batch.
        drop_remainder: leave out a last batch that is not full.
    """
    if drop_remainder:
        share = present_share()
        tables = share.rows(tables, batch_size)
        batch_size = share.batch_size(batch_size)
    dataset = tf.data.Dataset.from_tensor_slices(tables)
    dataset = dataset.map(make_examples, AT_A_TIME, deterministic=True)
    dataset = dataset.batch(batch_size, drop_remainder)
    return dataset.prefetch(tf.data.AUTOTUNE)


def example_maker(
    images: ImageSource,
    augmentation: Augmentation,
    example_map: Callable[[Example, tf.Tensor], Example],
) -> Callable[[dict[str, tf.Tensor]], Example]:
    """Return what makes the example of a row of `example_table`."""

    def make(row):
        crop_seed, flip_seed, task_seed = tf.unstack(row["seeds"])
        pixels = augmentation.pixels(images, row["index"], crop_seed, flip_seed)
        values = normalize(pixels, images.mean, images.std)
        example = {
            "image": augmentation.values(values, task_seed),
            "pixels": pixels,
            "index": row["index"],
        }
        if "label" in row:
            example["label"] = row["label"]
        return example_map(example, task_seed)

    return make
