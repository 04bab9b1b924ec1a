"""The architecture parameters."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.spaces import Space

Relaxation = Callable[[tf.Tensor], tf.Tensor]


def softmax_relaxation(alphas: tf.Tensor) -> tf.Tensor:
    """Returns softmax over the primitives of each edge (DARTS, equation 2).

    Args:
        alphas: [edges, primitives]; minus infinity where an edge has fewer
            primitives than the widest.

    Returns:
        Like `alphas`; each row sums to 1.
    """
    return tf.nn.softmax(alphas, axis=-1)


class ArchitectureParameters(keras.layers.Layer):
    """One matrix of alphas per cell type, shared by all its cells.

    They are float32 under every precision policy and live in this layer
    alone, which is how the weight optimizer is kept away from them.

    Args:
        space: search space.
        relaxation: maps logits [edges, primitives] to edge weights.
        stddev: of the normal initial values.
    """

    def __init__(
        self,
        space: Space,
        relaxation: Relaxation = softmax_relaxation,
        stddev: float = 1e-3,
        **kwargs,
    ):
        super().__init__(dtype="float32", **kwargs)
        self.space = space
        self.relaxation = relaxation
        self.stddev = stddev
        self.alphas = {}

    def build(self, input_shape=None):
        for cell_type in self.space.cell_types:
            self.alphas[cell_type.name] = self.add_weight(
                name=f"alphas_{cell_type.name}",
                shape=(cell_type.num_edges, cell_type.max_primitives),
                initializer=keras.initializers.RandomNormal(stddev=self.stddev),
                dtype="float32",
                autocast=False,
            )
        self.built = True

    def edge_weights(self) -> dict[str, tf.Tensor]:
        """Returns the relaxed alphas: cell type to [edges, primitives]."""
        weights = {}
        for cell_type in self.space.cell_types:
            logits = tf.convert_to_tensor(self.alphas[cell_type.name])
            exists = np.zeros(logits.shape, bool)
            for edge in cell_type.edges:
                exists[edge.index, : len(edge.primitives)] = True
            if not exists.all():
                logits = tf.where(exists, logits, -np.inf)
            weights[cell_type.name] = self.relaxation(logits)
        return weights

    def numpy(self) -> dict[str, np.ndarray]:
        """Returns the edge weights as arrays, for derivation and records."""
        return {k: v.numpy() for k, v in self.edge_weights().items()}
