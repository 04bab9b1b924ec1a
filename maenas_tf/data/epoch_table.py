"""What an epoch shows, in which order: indices, seeds and labels.

Only these are shuffled, so that all images are mixed and the buffer costs
nothing.
"""

from __future__ import annotations

import math

import numpy as np

from maenas_tf.config import random_streams
from maenas_tf.data.image_source import ImageSource

# An image has one seed for each of these.
_PURPOSES = ("crop", "flip", "task")


def check_start(start_step: int, steps: int) -> None:
    """Raises ValueError about a first step that an epoch does not have."""
    if not 0 <= start_step <= steps:
        raise ValueError(
            f"start_step={start_step} must be from 0 to the {steps} steps of "
            f"an epoch."
        )


def epoch_table(
    images: ImageSource,
    indices: np.ndarray,
    order: random_streams.Stream,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    steps: int,
    start_step: int,
    with_labels: bool,
) -> dict[str, np.ndarray]:
    """List the examples of an epoch, in their order, from a step on.

    Epochs are cut one after another from an endless row of passes. A pass has
    all of the images in an order of its own and drops a last batch that is
    not full; so images are met again only when all have been, be epochs
    shorter or longer than a pass. Where they are as long, a pass is an epoch.

    Args:
        images: the images.
        indices: of those to take.
        order: draws the order of a pass.
        batch_size: images in a step, at most those to take.
        seed: of everything random here.
        epoch: counted from 0.
        steps: of an epoch.
        start_step: leave out so many of the first.
        with_labels: whether examples have labels.
    """
    one_pass = len(indices) // batch_size
    begin, end = epoch * steps + start_step, (epoch + 1) * steps
    first, parts = begin // one_pass, []
    for number in range(first, max(math.ceil(end / one_pass), first + 1)):
        places = np.array([begin, end]) - number * one_pass
        start, stop = np.clip(places, 0, one_pass) * batch_size
        found = order.generator(seed, number).permutation(indices)[start:stop]
        parts.append(example_table(images, found, seed, number, with_labels))
    return {
        name: np.concatenate([part[name] for part in parts])
        for name in parts[0]
    }


def example_table(
    images: ImageSource,
    order: np.ndarray,
    seed: int,
    epoch: int,
    with_labels: bool,
) -> dict[str, np.ndarray]:
    """List what makes each example: its index, its seeds, its label."""
    rows = {"index": order, "seeds": example_seeds(seed, epoch, order)}
    if with_labels:
        rows["label"] = images.labels[order].astype(np.int32)
    return rows


def example_seeds(seed: int, epoch: int, indices: np.ndarray) -> np.ndarray:
    """Hash (seed, epoch, index, purpose) into seeds for stateless ops.

    Hashed here, for all images at once, since deriving them inside the
    dataset would cost more than the augmentation does. The finaliser is that
    of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
    Generators", OOPSLA 2014), applied after each number is added.

    Args:
        seed: of the run.
        epoch: counted from 0.
        indices: of the images, [N].

    Returns:
        int32 [N, 3, 2]: for the crop, the flip and the task of each image.
    """
    purposes = np.arange(len(_PURPOSES), dtype=np.uint64)
    state = np.zeros((len(indices), len(_PURPOSES)), np.uint64)
    numbers = (seed, epoch, np.asarray(indices)[:, np.newaxis], purposes)
    for number in numbers:
        state = _mix(state ^ np.asarray(number).astype(np.uint64))
    return state.view(np.int32).reshape(*state.shape, 2)


def _mix(state: np.ndarray) -> np.ndarray:
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
