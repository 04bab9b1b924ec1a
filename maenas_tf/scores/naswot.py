"""NASWOT: how well ReLUs tell the images apart."""

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

# Eigenvalues below are taken for it: images that nothing tells apart.
_LEAST = 1e-6


@SCORES.register("naswot")
class Naswot(StartScore):
    """The log-determinant of how alike the patterns of images are.

        K[a, b] = number of units whose patterns agree in images a and b

    over the units of all ReLUs; log |det K|, the same in any order of the
    images. A ReLU counts once, however many operations read it; the published
    code counts it once for each.

    Reads noise or the user's images. Costs one forward pass.

    Reference: Mellor et al., "Neural Architecture Search without Training"
    (ICML 2021), section 3.
    """

    column = "naswot"
    label = "NASWOT"
    higher_is_better = True

    def of(self, candidate: Candidate) -> float:
        return log_determinant(candidate.recording.activations)


def log_determinant(activations: Iterable[tf.Tensor]) -> float:
    """Returns log |det K|; a K without full rank has a low one.

    Args:
        activations: what ReLUs are fed with, each [B, ...].
    """
    total = 0.0
    for x in activations:
        x = tf.reshape(x, [x.shape[0], -1])
        sign = tf.where(x > 0, 1.0, -1.0)
        # Units that agree less units that do not.
        product = tf.matmul(sign, sign, transpose_b=True).numpy()
        total = total + (product.astype(np.float64) + x.shape[1]) / 2
    eigenvalues = np.linalg.eigvalsh(np.atleast_2d(total))
    return float(np.log(np.maximum(eigenvalues, _LEAST)).sum())
