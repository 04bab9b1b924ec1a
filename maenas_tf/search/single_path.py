"""Single path: Guo et al., "Single Path One-Shot Neural Architecture Search
with Uniform Sampling" (2020).

Each step trains the weights of one architecture, drawn uniformly; there are
no alphas. Then the architecture of the least held-out loss inside the
supernet is taken.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from maenas_tf.ops.single_path import SinglePathOp
from maenas_tf.search.algorithm import ALGORITHMS, Algorithm
from maenas_tf.search.architectures import Architectures, EdgeWeights
from maenas_tf.search.selection import MOST_EXHAUSTIVE
from maenas_tf.spaces import Space


@ALGORITHMS.register("single_path")
class SinglePath(Algorithm):
    """One uniformly drawn architecture a step."""

    edge = SinglePathOp
    trains_alphas = False

    def updates_alphas(self, epoch, warmup_epochs):
        return False

    def make_draw(
        self, space: Space, seed: int
    ) -> Callable[[tf.Tensor], EdgeWeights]:
        architectures = Architectures(space)
        return lambda step: architectures.draw(seed, step)

    def selection(self, space):
        small = Architectures(space).count <= MOST_EXHAUSTIVE
        return "exhaustive" if small else "evolution"
