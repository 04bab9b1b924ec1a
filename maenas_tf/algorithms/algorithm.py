"""What a search algorithm may decide; each algorithm is a difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from etils import epy

from maenas_tf.config import Config
from maenas_tf.registry import Registry
from maenas_tf.spaces import CellType, Genotype, Space
from maenas_tf.spaces.architectures import EdgeWeights

# What the flags list must not wait for TensorFlow.
with epy.lazy_imports():
    import tensorflow as tf

    from maenas_tf.models import alphas
    from maenas_tf.ops import mixed

ALGORITHMS: Registry = Registry("algorithm")


class Algorithm:
    """A search; the methods here are those of DARTS.

    Attributes:
        settings: its own, at their defaults until a search sets them; their
            class is where they are declared, and flags and configurations
            find them by it.
        trains_alphas: whether there are any. Without them `make_draw` says
            at which architecture a step is made, the images are not halved
            but a small part is held out, and the architecture is selected by
            its loss there.
    """

    settings = Config()
    trains_alphas = True

    def parameters(self, space: Space) -> dict[str, alphas.Parameter]:
        """Returns the architecture parameters by name."""
        return alphas.alpha_matrices(space)

    def edge_weights(
        self, values: alphas.Values, cell_type: CellType
    ) -> tf.Tensor:
        """Returns the weights of a cell type's edges.

        Args:
            values: of the parameters by name, minus infinity where a candidate
                does not exist.
            cell_type: whose weights are asked for.

        Returns:
            [edges, primitives], float32.
        """
        return alphas.softmax_weights(values, cell_type)

    def make_architecture(
        self, space: Space
    ) -> alphas.ArchitectureParameters | None:
        """Returns the layer of the parameters; None if there are none."""
        parameters = self.parameters(space)
        if not parameters:
            return None
        return alphas.ArchitectureParameters(
            space, parameters, self.edge_weights, name="architecture"
        )

    def make_edge(
        self,
        primitives: Sequence[str],
        channels: int,
        stride: int,
        family: str,
        **kwargs: Any,
    ) -> mixed.MixedOp:
        """Returns what stands on an edge of the search cell.

        Args: as `MixedOp`.
        """
        return mixed.MixedOp(primitives, channels, stride, family, **kwargs)

    def updates_alphas(self, epoch: int, warmup_epochs: int) -> bool:
        """Whether the alphas move in an epoch, counted from 0."""
        return epoch >= warmup_epochs

    def make_draw(
        self, space: Space, seed: int
    ) -> Callable[[tf.Tensor], EdgeWeights] | None:
        """Returns what makes the edge weights of a weight step.

        Of the number of weight steps done, an int64 scalar, inside the graph,
        so that a resumed search and all replicas draw the same. None takes
        those of the alphas.
        """
        return None

    def derive(
        self, space: Space, edge_weights: Mapping[str, np.ndarray]
    ) -> Genotype:
        """Reads the architecture off the edge weights."""
        return space.derive(edge_weights)
