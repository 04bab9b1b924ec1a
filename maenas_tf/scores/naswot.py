"""NASWOT: how well ReLUs tell the images apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maenas_tf.scores.score import SCORES, StartScore

if TYPE_CHECKING:
    from maenas_tf.scores.start import Candidate

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
        return log_determinant(candidate.recording.patterns.agreement())


def log_determinant(agreement: np.ndarray) -> float:
    """Returns log |det K|; a K without full rank has a low one.

    Args:
        agreement: K, [B, B].
    """
    eigenvalues = np.linalg.eigvalsh(agreement)
    return float(np.log(np.maximum(eigenvalues, _LEAST)).sum())
