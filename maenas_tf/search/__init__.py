"""How the architecture parameters move, and how an architecture is chosen."""

from maenas_tf.search import darts as _darts
from maenas_tf.search import evolution as _evolution
from maenas_tf.search import perturbation as _perturbation
from maenas_tf.search import single_path as _single_path
from maenas_tf.search.algorithm import ALGORITHMS, Algorithm
from maenas_tf.search.selection import SELECTIONS, Selection

__all__ = ["ALGORITHMS", "SELECTIONS", "Algorithm", "Selection"]
del _darts, _evolution, _perturbation, _single_path
