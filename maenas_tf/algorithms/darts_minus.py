"""DARTS-: Chu et al., "DARTS-: Robustly Stepping out of Performance Collapse
Without Indicators" (2021).

A skip connection wins a search by helping the network to be trained rather
than by what it computes. An auxiliary path beside the candidates of every edge
does the helping, so that the skip is judged as a candidate:

    o(x) = sum_k a_k op_k(x) + beta skip(x),     beta = beta_0 (E - e) / E

in epoch e of E, counted from 0. The path is no part of the genotype.
"""

from __future__ import annotations

import dataclasses

from etils import epy

from maenas_tf.algorithms.algorithm import ALGORITHMS, Algorithm
from maenas_tf.config import NOT_NEGATIVE, Config, setting

with epy.lazy_imports():
    import keras

    from maenas_tf.models import alphas
    from maenas_tf.ops import auxiliary_skip

BETA = "skip_beta"


@dataclasses.dataclass(frozen=True)
class DartsMinusSettings(Config):
    """How much the auxiliary path helps."""

    skip_beta: float = setting(
        1.0,
        "weight of the auxiliary skip path in the first epoch; it falls to 0 "
        "linearly; with 0 there is no path",
        NOT_NEGATIVE,
    )


@ALGORITHMS.register("darts_minus")
class DartsMinus(Algorithm):
    """DARTS with an auxiliary skip path on every edge."""

    settings = DartsMinusSettings()
    needs_cells = True

    def parameters(self, space):
        first = keras.initializers.Constant(self.settings.skip_beta)
        beta = alphas.Parameter((), first, trainable=False)
        return {**super().parameters(space), BETA: beta}

    def make_edge(self, stage, architecture, *args, **kwargs):
        if not self.settings.skip_beta:
            return super().make_edge(stage, architecture, *args, **kwargs)
        beta = architecture.arrays[BETA]
        return auxiliary_skip.AuxiliarySkipOp(*args, beta=beta, **kwargs)

    def start_epoch(self, stage, epoch, supernet):
        left = (stage.epochs - epoch) / stage.epochs
        beta = self.settings.skip_beta * left
        supernet.architecture.arrays[BETA].assign(beta)
