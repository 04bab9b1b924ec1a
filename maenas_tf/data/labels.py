"""Labels: whole numbers from 0, one for each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from maenas_tf.config import ConfigError

_MAP = "np.unique(labels, return_inverse=True)[1]"


def check_labels(labels: Any, num_images: int, or_more: bool) -> np.ndarray:
    """Return the caller's labels as an array, if they are what is wanted.

    They are refused where anything about them has to be guessed: a gap in the
    numbers may be a class without images as well as one that never was.

    Args:
        labels: [num_images], whole numbers, of which 0 to the largest one all
            occur.
        num_images: how many there are.
        or_more: whether there may be more labels than images.

    Returns:
        int64 [num_images], or more.

    Raises:
        ConfigError: they are something else; the message says how to map
            them.
    """
    try:
        labels = np.asarray(labels)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"labels cannot be made an array ({error}); give one whole number "
            f"for each of the {num_images} images."
        ) from error
    _check_form(labels, num_images, or_more)
    if labels.dtype.kind not in "ui":
        raise ConfigError(
            f"labels has the type {labels.dtype}, as in {labels[0]!s}; give "
            f"the number of each image's class, for example {_MAP}."
        )
    classes = np.unique(labels)
    if classes[0] != 0 or classes[-1] != len(classes) - 1:
        aside = "leave out images without a label and " * bool(classes[0] < 0)
        raise ConfigError(
            f"labels holds {len(classes)} classes with numbers from "
            f"{classes[0]} to {classes[-1]}; {aside}number them from 0 to "
            f"{len(classes) - 1}, for example by {_MAP}."
        )
    return labels.astype(np.int64)


def _check_form(labels: np.ndarray, num_images: int, or_more: bool) -> None:
    """Raises ConfigError unless there is one label an image."""
    shape = labels.shape
    if len(shape) == 2 and shape[0] == num_images and shape[1]:
        remedy = "np.ravel(labels)"
        if shape[1] > 1:
            remedy = "np.argmax(labels, axis=1) of one-hot rows"
        raise ConfigError(
            f"labels has the shape {shape}; give one whole number for each "
            f"of the {num_images} images, for example {remedy}."
        )
    wanted = max(num_images, shape[0]) if or_more and shape else num_images
    if shape != (wanted,):
        raise ConfigError(
            f"labels has the shape {shape}; give one whole number for each "
            f"of the {num_images} images."
        )


def number_by_value(labels: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Number the classes of stored labels that nobody has named.

    Args:
        labels: any whole numbers [N].

    Returns:
        The place of each label among those that occur, int64 [N], and these
        as the names of the classes, in their order.
    """
    values, numbers = np.unique(labels, return_inverse=True)
    return numbers.astype(np.int64), tuple(str(value) for value in values)


def balanced_weights(counts: Sequence[int]) -> np.ndarray:
    """Weigh classes so that each of them counts as much as any other.

    w_k = N / (K n_k), so that the mean weight of an image is 1.

    Args:
        counts: images n_k of each class, [classes]; N is their sum, and K the
            number of classes that have any.

    Returns:
        float64 [classes]; 0 for a class without images.

    Examples:
        >>> balanced_weights([30, 10]).round(3).tolist()
        [0.667, 2.0]
    """
    counts = np.asarray(counts, np.float64)
    occurring = counts > 0
    weights = np.zeros(len(counts))
    share = counts.sum() / max(occurring.sum(), 1)
    weights[occurring] = share / counts[occurring]
    return weights
