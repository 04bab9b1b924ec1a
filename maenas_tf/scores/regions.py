"""Regions: into how many linear pieces ReLUs cut what a network is shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from etils import epy

from maenas_tf.scores.score import SCORES, StartScore

if TYPE_CHECKING:
    from maenas_tf.scores.start import Candidate

with epy.lazy_imports():
    import tensorflow as tf

# A pattern is a number of so many bits, exact in float32.
MOST_IMAGES = 24


@SCORES.register("regions")
class Regions(StartScore):
    """The number of distinct patterns of units (SWAP).

    The pattern of a unit is, for each image, whether what its ReLU is fed
    with is above 0. Units are those of all ReLUs, pixel by pixel; equal
    patterns count once, so that the order of images, what is computed twice
    and what is not computed change nothing.

    Reads noise or the user's images. Costs one forward pass.

    Reference: Peng et al., "SWAP-NAS: Sample-Wise Activation Patterns for
    Ultra-fast NAS" (ICLR 2024), definitions 3.2 and 3.3, unregularised.
    """

    column = "regions"
    label = "regions"
    higher_is_better = True

    def of(self, candidate: Candidate) -> float:
        return float(count_patterns(candidate.recording.activations))


def count_patterns(activations: Iterable[tf.Tensor]) -> int:
    """Returns the number of distinct patterns.

    Args:
        activations: what ReLUs are fed with, each [B, ...], B at most 24.

    Raises:
        ValueError: there are more images.
    """
    seen = None
    for x in activations:
        count = x.shape[0]
        if count > MOST_IMAGES:
            raise ValueError(
                f"{count} images are too many to count patterns over; show at "
                f"most {MOST_IMAGES}."
            )
        if seen is None:
            seen = np.zeros(2**count, bool)
        bits = tf.cast(tf.reshape(x, [count, -1]) > 0, tf.float32)
        powers = tf.constant([[2.0**image for image in range(count)]])
        numbers = tf.cast(tf.matmul(powers, bits), tf.int32)
        seen[numbers.numpy()] = True
    return 0 if seen is None else int(np.count_nonzero(seen))
