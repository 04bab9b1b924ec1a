"""Batches for training a network with labels, and for evaluating it.

The mechanism is that of `pipeline`, with one level instead of two: the order
of an epoch is drawn from (seed, epoch), every image has its own seeds for
crop, flip and cutout, and what a resumed run skips is never computed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.config.random_streams import (
    LABELLED_PART,
    TRAINING_ORDER,
    VALIDATION_PART,
)
from maenas_tf.data.augment import Augmentation
from maenas_tf.data.epoch_table import (
    check_start,
    epoch_table,
    example_table,
)
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.pipeline import (
    batched,
    example_maker,
)


def choose_labelled(
    labels: np.ndarray, class_names: Sequence[str], per_class: int, seed: int
) -> np.ndarray:
    """Choose the same number of images of each class, as if no others had one.

    Args:
        labels: classes of the images, [N].
        class_names: one for each class.
        per_class: how many; 0 takes all.
        seed: of the choice; of one seed a smaller number's are among a larger
            one's.

    Returns:
        Sorted indices int64.

    Raises:
        ConfigError: a class has fewer.
    """
    if not per_class:
        return np.arange(len(labels))
    counts = np.bincount(labels, minlength=len(class_names))
    fewest = int(np.argmin(counts))
    if counts[fewest] < per_class:
        raise ConfigError(
            f"--labels_per_class={per_class} is more than the "
            f"{counts[fewest]} images of the class {class_names[fewest]!r}; "
            f"give at most that, or 0 to use all labels."
        )
    order = LABELLED_PART.generator(seed).permutation(len(labels))
    return np.sort(order[_places_in_class(labels[order]) < per_class])


def split_validation(
    labels: np.ndarray, fraction: float, seed: int, stratified: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out a random part of the images.

    Args:
        labels: classes of the images, [N].
        fraction: part to hold out, in [0, 1); rounded to whole images, at
            least one unless it is 0.
        seed: of the split.
        stratified: hold out the same part of each class, rounded so that each
            one of at least two images has one on both sides, be they more in
            all. An only image of its class is trained on.

    Returns:
        Indices int64 of the images to train on and of those held out,
        disjoint and together all; the same for the same arguments.

    Raises:
        ConfigError: nothing would be left to train on, or no class has an
            image to spare.
    """
    num_images = len(labels)
    count = round(fraction * num_images)
    if fraction:
        count = max(count, 1)
    if count >= num_images:
        raise ConfigError(
            f"--validation_fraction={fraction} leaves none of the "
            f"{num_images} images to train on; give a smaller part or more "
            f"images."
        )
    order = VALIDATION_PART.generator(seed).permutation(num_images)
    chosen = np.arange(num_images) < count
    if stratified and count:
        chosen = _same_part_of_each(labels[order], count)
        if not chosen.any():
            raise ConfigError(
                f"--validation_fraction={fraction} holds out none of the "
                f"{num_images} images, of which each is the only one of its "
                f"class; give more images, or 0 to hold out none."
            )
    return np.sort(order[~chosen]), np.sort(order[chosen])


def _same_part_of_each(labels: np.ndarray, count: int) -> np.ndarray:
    """Choose the first images of each class, `count` in all where it can be.

    Args:
        labels: of the images in a random order.
        count: how many to choose.

    Returns:
        bool [N].
    """
    _, numbers, sizes = np.unique(
        labels, return_inverse=True, return_counts=True
    )
    exact = count * sizes / len(labels)
    least, most = np.minimum(1, sizes - 1), sizes - 1
    parts = np.clip(np.floor(exact).astype(np.int64), least, most)
    # What is missing goes to the classes that are furthest below their share.
    while parts.sum() < count and (parts < most).any():
        behind = np.where(parts < most, exact - parts, -np.inf)
        parts[np.argmax(behind)] += 1
    return _places_in_class(labels) < parts[numbers]


def _places_in_class(labels: np.ndarray) -> np.ndarray:
    """Returns the place of each image among those of its class, from 0."""
    _, sizes = np.unique(labels, return_counts=True)
    places = np.empty(len(labels), np.int64)
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    by_class = np.argsort(labels, kind="stable")
    places[by_class] = np.arange(len(labels)) - first
    return places


def training_steps(num_images: int, batch_size: int) -> int:
    """Count the steps of an epoch; the remainder is dropped.

    Raises:
        ConfigError: a batch is larger than the number of images.
    """
    if not 1 <= batch_size <= num_images:
        raise ConfigError(
            f"--batch_size={batch_size} is not valid: there are {num_images} "
            f"images to train on; give a number from 1 to {num_images}."
        )
    return num_images // batch_size


def training_dataset(
    images: ImageSource,
    indices: np.ndarray,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    augmentation: Augmentation,
    steps: int = 0,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Make one epoch of shuffled batches.

    Args:
        images: the images, with labels.
        indices: of the images to train on.
        batch_size: images in a step; a last part of a batch is left out.
        seed: of everything random here.
        epoch: counted from 0.
        augmentation: of the images.
        steps: of an epoch; 0 is one pass, see `epoch_table`.
        start_step: leave out so many of the first steps; equal to `.skip`,
            without computing what is skipped.

    Returns:
        A dataset of {"image": float32 [B, H, W, 3], "label": int32 [B]}. Its
        content is a function of the arguments alone.

    Raises:
        ConfigError: a batch is larger than the number of images.
        ValueError: the images have no labels, or `start_step` is out of
            range.
    """
    _check_labels(images)
    steps = steps or training_steps(len(indices), batch_size)
    check_start(start_step, steps)
    table = epoch_table(
        images,
        indices,
        TRAINING_ORDER,
        batch_size=batch_size,
        seed=seed,
        epoch=epoch,
        steps=steps,
        start_step=start_step,
        with_labels=True,
    )
    make_example = example_maker(images, augmentation, _keep)
    return batched(table, make_example, batch_size)


def evaluation_dataset(
    images: ImageSource, batch_size: int, indices: np.ndarray | None = None
) -> tf.data.Dataset:
    """Make batches of every image once, in order and unchanged.

    Args:
        images: the images, with labels.
        batch_size: images in a batch; the last one may be smaller.
        indices: of the images; None takes all.

    Returns:
        A dataset of {"image": float32 [B, H, W, 3], "label": int32 [B]}.

    Raises:
        ValueError: the images have no labels.
    """
    _check_labels(images)
    if indices is None:
        indices = np.arange(images.num_images)
    table = example_table(images, indices, 0, 0, True)
    make_example = example_maker(images, Augmentation(), _keep)
    return batched(table, make_example, batch_size, drop_remainder=False)


def _keep(example, seed):
    del seed
    return {"image": example["image"], "label": example["label"]}


def _check_labels(images: ImageSource) -> None:
    if images.labels is None:
        raise ValueError(
            f"The data set {images.name!r} was loaded without labels; "
            f"load it with them."
        )
