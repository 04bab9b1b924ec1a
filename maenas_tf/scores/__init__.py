"""How a candidate is judged: one file for each score."""

from maenas_tf.scores import expressivity as expressivity
from maenas_tf.scores import held_out_loss as held_out_loss
from maenas_tf.scores import jacov as jacov
from maenas_tf.scores import layers as layers
from maenas_tf.scores import macs as macs
from maenas_tf.scores import naswot as naswot
from maenas_tf.scores import parameters as parameters
from maenas_tf.scores import progressivity as progressivity
from maenas_tf.scores import regions as regions
from maenas_tf.scores import synflow as synflow
from maenas_tf.scores import trainability as trainability
from maenas_tf.scores import vkdnw as vkdnw
from maenas_tf.scores.score import SCORES, Score

__all__ = ["SCORES", "Score"]
