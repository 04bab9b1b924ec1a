"""Which images the units of a network answer, as numbers that are counted."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

# A pattern is a number of so many bits, exact in float32.
MOST_IMAGES = 24


class Patterns:
    """The distinct patterns of units, and how many units have each.

    The pattern of a unit is, for each image, whether what its ReLU is fed
    with is above 0.

    Args:
        activations: what ReLUs are fed with, each [B, ...], B at most 24.

    Attributes:
        numbers: the patterns as numbers whose bit b is that of image b, [M].
        counts: of the units that have them, [M].

    Raises:
        ValueError: there are more images.
    """

    def __init__(self, activations: Iterable[tf.Tensor]):
        self.num_images, units = 0, []
        for x in activations:
            self.num_images = x.shape[0]
            if self.num_images > MOST_IMAGES:
                raise ValueError(
                    f"{self.num_images} images are too many to count patterns "
                    f"over; show at most {MOST_IMAGES}."
                )
            units.append(_numbers(x))
        counts = np.bincount(np.concatenate(units) if units else [])
        self.numbers = np.flatnonzero(counts)
        self.counts = counts[self.numbers]

    def agreement(self) -> np.ndarray:
        """Returns how many units agree in images a and b, [B, B], float64."""
        places = np.arange(self.num_images)[:, np.newaxis]
        bits = (self.numbers >> places & 1).astype(np.float64)
        # Units that answer both, and either: exact, being whole numbers.
        both = (bits * self.counts) @ bits.T
        each = both.diagonal()
        return self.counts.sum() - each[:, np.newaxis] - each + 2.0 * both


def _numbers(x: tf.Tensor) -> np.ndarray:
    """Returns the pattern of every unit as a number, [units], int32."""
    count = x.shape[0]
    bits = tf.cast(tf.reshape(x, [count, -1]) > 0, tf.float32)
    powers = tf.constant([[2.0**image for image in range(count)]])
    return tf.cast(tf.matmul(powers, bits), tf.int32).numpy()[0]
