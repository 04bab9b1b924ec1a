"""How the architecture parameters move: one file for each algorithm."""

from maenas_tf.algorithms import darts as darts
from maenas_tf.algorithms import darts_minus as darts_minus
from maenas_tf.algorithms import fair_darts as fair_darts
from maenas_tf.algorithms import p_darts as p_darts
from maenas_tf.algorithms import pc_darts as pc_darts
from maenas_tf.algorithms import single_path as single_path
from maenas_tf.algorithms import training_free as training_free
from maenas_tf.algorithms.algorithm import ALGORITHMS, Algorithm
from maenas_tf.algorithms.stage import Stage

__all__ = ["ALGORITHMS", "Algorithm", "Stage"]
