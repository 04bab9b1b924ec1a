"""What a search algorithm may decide; each algorithm is a difference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from maenas_tf.models.alphas import softmax_relaxation
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.registry import Registry
from maenas_tf.spaces import Genotype, Space

ALGORITHMS: Registry = Registry("algorithm")


class Algorithm:
    """A differentiable search; the methods here are those of DARTS.

    Attributes:
        edge: class of what stands on an edge of the search cell.
    """

    edge = MixedOp

    def relax(self, alphas: tf.Tensor) -> tf.Tensor:
        """Returns the edge weights of logits [edges, primitives]."""
        return softmax_relaxation(alphas)

    def updates_alphas(self, epoch: int, warmup_epochs: int) -> bool:
        """Whether the alphas move in an epoch, counted from 0."""
        return epoch >= warmup_epochs

    def derive(
        self, space: Space, edge_weights: Mapping[str, np.ndarray]
    ) -> Genotype:
        """Reads the architecture off the edge weights."""
        return space.derive(edge_weights)
