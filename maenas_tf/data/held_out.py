"""A small part of the images, held out from training to judge by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.config.random_streams import HELD_OUT_PART, WEIGHTS_ORDER
from maenas_tf.data.augment import Augmentation
from maenas_tf.data.epoch_table import (
    epoch_table,
    example_table,
)
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.pipeline import (
    Example,
    batched,
    example_maker,
)

# Enough to tell good architectures from bad ones by the same images and
# masks; ours.
DEFAULT_HELD_OUT = 256


def num_held_out(num_images: int, wanted: int = 0) -> int:
    """Returns how many images are to be held out.

    Args:
        num_images: how many there are.
        wanted: 0 means 256, or a fifth of the images where that is less.

    Raises:
        ConfigError: more than half of the images are wanted, or there is
            only one.
    """
    if num_images < 2:
        raise ConfigError(
            f"A search needs at least 2 images, one of them held out, and got "
            f"{num_images}; raise --max_images or give more data."
        )
    if wanted > num_images // 2:
        raise ConfigError(
            f"--held_out_images={wanted} is more than half of the "
            f"{num_images} images; give at most {num_images // 2}."
        )
    return wanted or max(1, min(DEFAULT_HELD_OUT, num_images // 5))


def split_held_out(
    num_images: int, held_out: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits the images at random into those to train on and the others.

    Args:
        num_images: how many there are.
        held_out: how many to hold out.
        seed: of the split.

    Returns:
        Two arrays int64 of indices, [num_images - held_out], [held_out].
    """
    order = HELD_OUT_PART.generator(seed).permutation(num_images)
    return order[held_out:], order[:held_out]


def part_steps(num_images: int, batch_size: int) -> int:
    """Counts the steps of an epoch; a batch that is not full is dropped.

    Args:
        num_images: to train on.
        batch_size: images in a step.

    Raises:
        ConfigError: a batch is larger than all of the images.
    """
    if batch_size > num_images:
        raise ConfigError(
            f"--batch_size={batch_size} is not valid: {num_images} images are "
            f"left to train on; give a number from 1 to {num_images}."
        )
    return num_images // batch_size


def part_dataset(
    images: ImageSource,
    indices: np.ndarray,
    *,
    example_map: Callable[[Example, tf.Tensor], Example],
    batch_size: int,
    seed: int,
    epoch: int,
    augmentation: Augmentation,
    steps: int = 0,
    start_step: int = 0,
    with_labels: bool,
    shuffle: bool = True,
) -> tf.data.Dataset:
    """Makes one epoch of batches of some of the images.

    As `pipeline.bilevel_dataset` does of a half, without the other one.

    Args:
        images: the images.
        indices: of those to take.
        example_map: the task's map of one example and a seed.
        batch_size: images in a step.
        seed: of everything random here.
        epoch: counted from 0.
        augmentation: of the images.
        steps: of an epoch; 0 is one pass, see `epoch_table`.
        start_step: leave out so many of the first steps.
        with_labels: whether examples have labels.
        shuffle: take them in an order of the epoch's own.

    Returns:
        A dataset of what `example_map` returns, stacked. Its content is a
        function of the arguments alone.
    """
    steps = steps or part_steps(len(indices), batch_size)
    if shuffle:
        table = epoch_table(
            images,
            np.asarray(indices),
            WEIGHTS_ORDER,
            batch_size=batch_size,
            seed=seed,
            epoch=epoch,
            steps=steps,
            start_step=start_step,
            with_labels=with_labels,
        )
    else:
        wanted = slice(start_step * batch_size, steps * batch_size)
        order = np.asarray(indices)[wanted]
        table = example_table(images, order, seed, epoch, with_labels)
    return batched(
        table,
        example_maker(images, augmentation, example_map),
        batch_size,
    )
