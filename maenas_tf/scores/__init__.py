"""How a candidate is judged: one file for each score."""

from maenas_tf.scores import held_out_loss as held_out_loss
from maenas_tf.scores.score import SCORES, Score

__all__ = ["SCORES", "Score"]
