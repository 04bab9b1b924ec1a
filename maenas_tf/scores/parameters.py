"""Trainable parameters: what counting alone tells."""

from __future__ import annotations

from maenas_tf.scores.score import SCORES, CostScore


@SCORES.register("parameters")
class Parameters(CostScore):
    """Trainable parameters of the network of the evaluation.

    Reads nothing. Costs nothing: a closed form (see `skeletons.costs`).
    """

    column = "parameters"
    label = "parameters"
