"""DARTS: Liu, Simonyan and Yang, "Differentiable Architecture Search" (2019).

Its two orders of the architecture gradient are in `bilevel.py`.
"""

from maenas_tf.algorithms.algorithm import ALGORITHMS, Algorithm


@ALGORITHMS.register("darts")
class Darts(Algorithm):
    """Softmax over the candidates of every edge, all of them computed."""
