"""Where a crop of random size and shape is cut from an image of any size."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

# Of the reference, torchvision's RandomResizedCrop: the shapes of a window,
# width by height, and how often one is drawn before the centre is taken.
_LOWEST, _HIGHEST = 3 / 4, 4 / 3
NUM_TRIES = 10


def propose_windows(seed: tf.Tensor, least_area: float) -> tf.Tensor:
    """Draws windows before the size of the image is known.

    Args:
        seed: int32 [2].
        least_area: of a window, as a part of the image's.

    Returns:
        float32 [10, 4]: part of the area, uniform from `least_area` to 1;
        width by height, uniform in its logarithm from 3/4 to 4/3; and where
        the window lies, as parts of the ways down and to the right.
    """
    draws = tf.random.stateless_uniform([NUM_TRIES, 4], seed, alg="philox")
    area, shape, down, right = tf.unstack(draws, axis=1)
    low, high = math.log(_LOWEST), math.log(_HIGHEST)
    return tf.stack(
        [
            least_area + (1 - least_area) * area,
            tf.exp(low + (high - low) * shape),
            down,
            right,
        ],
        axis=1,
    )


def choose_window(proposals: np.ndarray, height: int, width: int) -> np.ndarray:
    """Takes the first window that fits into an image.

    Args:
        proposals: of `propose_windows`.
        height: of the image, pixels.
        width: of the image, pixels.

    Returns:
        int32 [4]: top, left, height and width. Where no proposal fits, the
        largest window of a shape from 3/4 to 4/3 in the centre.
    """
    height, width = int(height), int(width)
    for area, shape, down, right in np.asarray(proposals, np.float64):
        pixels = area * height * width
        wide = round(math.sqrt(pixels * shape))
        high = round(math.sqrt(pixels / shape))
        if 0 < wide <= width and 0 < high <= height:
            top = int(down * (height - high + 1))
            left = int(right * (width - wide + 1))
            return np.array([top, left, high, wide], np.int32)
    high = min(height, max(round(width / _LOWEST), 1))
    wide = min(width, max(round(height * _HIGHEST), 1))
    top, left = (height - high) // 2, (width - wide) // 2
    return np.array([top, left, high, wide], np.int32)


def window_of(
    proposals: tf.Tensor, height: int | tf.Tensor, width: int | tf.Tensor
) -> tf.Tensor:
    """Returns `choose_window`'s, int32 [4], in a graph or out of one."""
    window = tf.numpy_function(
        choose_window, [proposals, height, width], tf.int32, stateful=False
    )
    return tf.ensure_shape(window, [4])


def cut_window(image: tf.Tensor, proposals: tf.Tensor) -> tf.Tensor:
    """Returns the window of an image [H, W, C] of any size."""
    shape = tf.shape(image)
    window = window_of(proposals, shape[0], shape[1])
    return cut(image, window)


def cut(image: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Returns a part of an image [H, W, C], given its window, int32 [4]."""
    top, left, height, width = tf.unstack(window)
    return image[top : top + height, left : left + width]
