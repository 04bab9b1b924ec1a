"""Single path: Guo et al., "Single Path One-Shot Neural Architecture Search
with Uniform Sampling" (2020).

Each step trains the weights of one architecture, drawn uniformly; there are
no alphas. Then the architecture of the least held-out loss inside the
supernet is taken.
"""

from __future__ import annotations

from collections.abc import Callable

from etils import epy

from maenas_tf.algorithms.algorithm import ALGORITHMS, Algorithm
from maenas_tf.spaces import Space
from maenas_tf.spaces.architectures import Architectures, EdgeWeights

with epy.lazy_imports():
    import tensorflow as tf

    from maenas_tf.ops import single_path


@ALGORITHMS.register("single_path")
class SinglePath(Algorithm):
    """One uniformly drawn architecture a step."""

    trains_alphas = False

    def parameters(self, space):
        return {}

    def make_edge(self, stage, architecture, *args, **kwargs):
        return single_path.SinglePathOp(*args, **kwargs)

    def make_draw(
        self, space: Space, seed: int
    ) -> Callable[[tf.Tensor], EdgeWeights]:
        architectures = Architectures(space)
        return lambda step: draw(architectures, seed, step)


def draw(
    architectures: Architectures, seed: int, step: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Returns the weights of a uniformly drawn architecture.

    A function of its arguments alone, for use inside a graph.

    Args:
        architectures: of the space.
        seed: of the run.
        step: integer scalar.

    Returns:
        Cell type to [edges, primitives], zeros and ones.
    """
    # The seed is up to 32 bits wide, an int32 is not.
    key = tf.stack([tf.constant(seed, tf.int64), tf.cast(step, tf.int64)])
    bits = tf.random.stateless_uniform(
        [len(architectures.nodes)], key, None, None, tf.uint32, alg="philox"
    )
    # Of 2**32 numbers: no remainder is likelier by more than 1e-6.
    numbers = tf.math.floormod(tf.cast(bits, tf.int64), architectures.sizes)
    return architectures.sum_by_cell_type(
        [
            tf.gather(table, numbers[position])
            for position, table in enumerate(architectures.tables)
        ]
    )
