"""What a search algorithm may decide; each algorithm is a difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from etils import epy

from maenas_tf.algorithms.stage import Stage
from maenas_tf.config import Config, ConfigError
from maenas_tf.registry import Registry
from maenas_tf.spaces import CellType, Genotype, Space
from maenas_tf.spaces.architectures import EdgeWeights
from maenas_tf.spaces.candidates import Candidates, all_candidates

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
        trains: whether there is a supernet that is trained. Without it the
            architecture is selected by scores of its network as it is
            initialised; there are no alphas then.
        trains_alphas: whether there are any. Without them `make_draw` says
            at which architecture a step is made, the images are not halved
            but a small part is held out, and the architecture is selected by
            its loss there.
        warmup_fraction: part of the epochs in which only weights move, where
            the user does not say; None takes the task's.
        num_cells: of the first stage, where the user does not say; 0 takes
            the space's.
        max_skips: most skips of the cells that keep the resolution, where the
            user does not say; None is no limit.
        orders: of the architecture gradient, for which it is defined.
        needs_cells: whether it is not defined for chains of layers.
    """

    settings = Config()
    trains = True
    trains_alphas = True
    warmup_fraction: float | None = None
    num_cells = 0
    max_skips: int | None = None
    orders: Sequence[str] = ("first", "second")
    needs_cells = False

    def check(self, space: Space) -> None:
        """Raises ConfigError if the search is not defined in a space."""
        if self.needs_cells and not space.has_cells:
            raise ConfigError(
                f"--space={space.name} is a chain of layers, and the algorithm "
                f"{type(self).__name__} is defined for cells; give "
                f"--algorithm=darts or another --space."
            )

    def first_candidates(self, space: Space) -> Candidates:
        """Returns the candidates of the first stage."""
        return all_candidates(space)

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

    def perturbed(self, weights: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Returns the weights of a cell type's edges with noise on them.

        Those of an edge are parts of their sum, which they keep, and none is
        negative.

        Args:
            weights: [edges, primitives].
            noise: to add to such a part; 0 where there is no candidate.
        """
        whole = tf.reduce_sum(weights, -1, keepdims=True)
        moved = tf.clip_by_value(weights + whole * noise, 0.0, whole)
        total = tf.reduce_sum(moved, -1, keepdims=True)
        scaled = moved * tf.math.divide_no_nan(whole, total)
        return tf.where(total > 0.0, scaled, weights)

    def make_architecture(
        self, space: Space, candidates: Candidates | None = None
    ) -> alphas.ArchitectureParameters | None:
        """Returns the layer of the parameters; None if there are none.

        Args:
            space: search space.
            candidates: those of the stage; None takes those of the first.
        """
        if candidates is None:
            candidates = self.first_candidates(space)
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
        architecture: alphas.ArchitectureParameters | None,
        primitives: Sequence[str],
        channels: int,
        stride: int,
        family: str,
        **kwargs: Any,
    ) -> mixed.MixedOp:
        """Returns what stands on an edge of the search cell.

        Args: of a stage, with the layer of the parameters, whose arrays an
            edge may read; else as `MixedOp`. A candidate that the stage has
            not is `none`.
        """
        del stage, architecture
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
        step is traced once. Of those arrays, numbers alone are columns of
        history.csv too.
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
        """Reads the architecture off the edge weights.

        By the algorithm's own rule; `skip_limit.derive` keeps the limit on
        skips. It drops a candidate by giving it a weight of -1, the least.
        """
        return space.derive(edge_weights)
