"""Jacov: whether the network answers each image in its own way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from etils import epy

from maenas_tf.scores.score import SCORES, StartScore

if TYPE_CHECKING:
    from maenas_tf.scores.start import Candidate

with epy.lazy_imports():
    import tensorflow as tf


@SCORES.register("jacov")
class Jacov(StartScore):
    """How little the gradients of the images are correlated.

    With v the eigenvalues of the correlation, between images, of d(sum of
    logits) / d(image):

        -sum_i log(v_i + 1e-5) + 1 / (v_i + 1e-5)

    Images without any gradient count as alike. The order of images changes
    nothing.

    Where all that reaches the pooling comes out of normalisations and skips
    (every network of s2 and s3, a few of the DARTS space), the logits of a
    batch add up to the same whatever the images are, and that gradient is
    nothing but rounding. There it is taken with the statistics of the batch
    held, so that each image has that of its own logits.

    Reads noise or the user's images. Costs one forward and one backward pass,
    without the gradients of weights.

    Reference: Mellor et al., "Neural Architecture Search without Training"
    (arXiv 2006.04647v1), the first version's score.
    """

    column = "jacov"
    label = "Jacov"
    higher_is_better = True

    def of(self, candidate: Candidate) -> float:
        recording = candidate.recording
        upstream = tf.ones_like(recording.logits)
        gradients = recording.to_images(upstream).numpy()
        if _largest(gradients) < 1e-3:
            own = recording.to_images(upstream, hold_statistics=True).numpy()
            # Where there is one, it is some hundredths of this or more; what
            # rounding leaves is a millionth.
            if _largest(gradients) < 1e-4 * _largest(own):
                gradients = own
        return of_gradients(gradients)


def _largest(gradients: np.ndarray) -> float:
    return float(np.abs(gradients).max())


def of_gradients(gradients: np.ndarray) -> float:
    """Returns the score of the images' gradients, [B, ...]."""
    x = gradients.reshape(len(gradients), -1).astype(np.float64)
    x = x - x.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(x, axis=1)
    products = np.outer(lengths, lengths)
    flat = products <= 0.0
    correlation = np.where(flat, 1.0, x @ x.T / np.where(flat, 1.0, products))
    # Rounding may leave the smallest a little below 0.
    v = np.maximum(np.linalg.eigvalsh(correlation), 0.0) + 1e-5
    return float(-np.sum(np.log(v) + 1.0 / v))
