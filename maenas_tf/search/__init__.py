"""How the architecture parameters move."""

from maenas_tf.search import darts as _darts
from maenas_tf.search.algorithm import ALGORITHMS, Algorithm

__all__ = ["ALGORITHMS", "Algorithm"]
del _darts
