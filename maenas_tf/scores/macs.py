"""Multiply-accumulates: what counting alone tells."""

from __future__ import annotations

from maenas_tf.scores.score import SCORES, CostScore


@SCORES.register("macs")
class Macs(CostScore):
    """Multiply-accumulates of one image, of the network of the evaluation.

    Reads nothing. Costs nothing: a closed form (see `skeletons.costs`).
    """

    column = "macs"
    label = "multiply-accumulates"
