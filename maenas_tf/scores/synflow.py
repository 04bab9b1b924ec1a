"""Synflow: how much flows from the input to the classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from etils import epy

from maenas_tf.scores.score import SCORES, StartScore

if TYPE_CHECKING:
    from maenas_tf.scores.start import Candidate

with epy.lazy_imports():
    import tensorflow as tf

    from maenas_tf.scores import flow


@SCORES.register("synflow")
class Synflow(StartScore):
    """The logarithm of the flow through all weights.

    With |w| for every weight, no normalisation and one image of ones, R is
    the sum of the logits and the flow

        sum_w |w dR/dw|.

    Nothing is negative then, every ReLU lets all through, and the sum over
    the weights of a convolution is that of y dR/dy over its output y. The
    flow spans hundreds of powers of ten; its logarithm orders networks alike.

    Reads neither noise nor images. Costs one forward and one backward pass of
    one image, in double precision.

    Reference: Tanaka et al., "Pruning neural networks without any data by
    iteratively conserving synaptic flow" (NeurIPS 2020), equation 5; as a
    score, Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS" (ICLR
    2021), section 3.2, without normalisation.
    """

    column = "synflow"
    label = "synflow, logarithm"
    higher_is_better = True

    def of(self, candidate: Candidate) -> float:
        image = tf.ones_like(candidate.start.images[:1], tf.float64)
        # A network that nothing flows through has the least positive number.
        return math.log(max(flow.total_flow(candidate, image), 5e-324))
