"""VKDNW: how evenly data would determine the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from etils import epy

from maenas_tf.scores.score import SCORES, StartScore

if TYPE_CHECKING:
    from maenas_tf.scores.start import Candidate

with epy.lazy_imports():
    from maenas_tf.scores import fisher

_DECILES = np.arange(1, 10) / 10


@SCORES.register("vkdnw")
class Vkdnw(StartScore):
    """The number of layers, plus the entropy of the Fisher information.

    Of one weight of each convolution and of the classifier, the first, the
    empirical Fisher information F is taken (`scores.fisher`), without
    normalisation; of its eigenvalues the nine deciles l. With p = l / sum l
    the entropy is -sum p log p, at most log 9: it tells apart what has the
    same number of layers.

    From the paper's code: one weight of each tensor, the deciles, the
    smoothing of the classes' probabilities by .05, and normalisation as it is
    before any training, which changes nothing. Ours: convolutions and the
    classifier alone, as scale and offset of normalisations are no weights of
    a network here; 8 images, and of each a corner as small as the network
    takes one, since a weight sees but its window.

    Reads noise or the user's images. Costs one forward and one backward pass
    of these corners, times the number of classes.

    Reference: Tybl and Neumann, "Training-free Neural Architecture Search
    through Variance of Knowledge of Deep Network Weights" (CVPR 2025),
    equations 7 and 8.
    """

    column = "vkdnw"
    label = "VKDNW"
    higher_is_better = True

    def of(self, candidate: Candidate) -> float:
        information = fisher.information(candidate)
        return len(information) + decile_entropy(
            np.linalg.eigvalsh(information)
        )


def decile_entropy(eigenvalues: np.ndarray) -> float:
    """Returns the entropy of the deciles, nats; 0 where all of them are 0."""
    deciles = np.maximum(np.quantile(eigenvalues, _DECILES), 0.0)
    shares = deciles[deciles > 0] / max(deciles.sum(), 1e-300)
    return float(-(shares * np.log(shares)).sum())
