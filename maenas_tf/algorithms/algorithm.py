"""What a search algorithm may decide; each algorithm is a difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from etils import epy

from maenas_tf.algorithms.stage import Stage
from maenas_tf.config import Config
from maenas_tf.registry import Registry
from maenas_tf.spaces import CellType, Genotype, Space
from maenas_tf.spaces.architectures import EdgeWeights
from maenas_tf.spaces.candidates import Candidates

# What the flags list must not wait for TensorFlow.
with epy.lazy_imports():
    import tensorflow as tf

    from maenas_tf.models import alphas
    from maenas_tf.models import supernet as supernets
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
        warmup_fraction: part of the epochs in which only weights move, where
            the user does not say; None takes the task's.
    """

    settings = Config()
    trains_alphas = True
    warmup_fraction: float | None = None

    def stages(self, whole: Stage) -> Sequence[Stage]:
        """Returns the stages of a search, each with a network of its own.

        Args:
            whole: the search in one stage, as its settings ask for it.
        """
        return (whole,)

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
        self, space: Space, candidates: Candidates | None = None
    ) -> alphas.ArchitectureParameters | None:
        """Returns the layer of the parameters; None if there are none.

        Args:
            space: search space.
            candidates: those of the stage; None takes all of the space.
        """
        parameters = self.parameters(space)
        if not parameters:
            return None
        return alphas.ArchitectureParameters(
            space,
            parameters,
            self.edge_weights,
            candidates,
            name="architecture",
        )

    def make_edge(
        self,
        stage: Stage,
        primitives: Sequence[str],
        channels: int,
        stride: int,
        family: str,
        **kwargs: Any,
    ) -> mixed.MixedOp:
        """Returns what stands on an edge of the search cell.

        Args: of a stage, else as `MixedOp`; a candidate that the stage has
            not is `none`.
        """
        del stage
        return mixed.MixedOp(primitives, channels, stride, family, **kwargs)

    def penalty(self, values: alphas.Values) -> tf.Tensor | None:
        """Returns what is added to the loss of the alphas, a scalar.

        Args:
            values: as of `edge_weights`.
        """
        del values

    def start_epoch(
        self, stage: Stage, epoch: int, supernet: supernets.Supernet
    ) -> None:
        """Called before an epoch of a stage, counted from 0.

        What a step is to see of it must be a variable of the supernet, such
        as an array of the architecture parameters that is not trainable: a
        step is traced once.
        """

    def narrow(
        self, stage: Stage, candidates: Candidates, weights: EdgeWeights
    ) -> Candidates:
        """Returns the candidates of the next stage.

        Args:
            stage: that has ended.
            candidates: its own.
            weights: its last, cell type to [edges, primitives].
        """
        del stage, weights
        return candidates

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
