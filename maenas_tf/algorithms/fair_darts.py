"""FairDARTS: Chu et al., "Fair DARTS: Eliminating Unfair Advantages in
Differentiable Architecture Search" (2020).

Under a softmax a candidate gains what the others lose, which favours skip
connections. Here each has a sigmoid of its own, and a term that pushes every
sigmoid away from 1/2 is added to the loss of the alphas:

    L + w L01,    L01 = -mean over all alphas of (sigmoid(alpha) - 1/2)^2

An edge stays only where its best candidate weighs enough. A node that no edge
leads to is no part of the cell, which is then narrower.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from etils import epy

from maenas_tf.algorithms.algorithm import ALGORITHMS, Algorithm
from maenas_tf.config import NOT_NEGATIVE, Config, ConfigError, Range, setting
from maenas_tf.spaces import CellType, Genotype, GenotypeEdge, Space
from maenas_tf.spaces.candidates import all_candidates
from maenas_tf.spaces.space import NONE

with epy.lazy_imports():
    import keras
    import tensorflow as tf

    from maenas_tf.models import alphas


@dataclasses.dataclass(frozen=True)
class FairDartsSettings(Config):
    """What an edge must weigh, and how hard weights are pushed there."""

    edge_threshold: float = setting(
        0.85,
        "least weight of an edge that stays; a node without one is left out",
        Range("give a number in [0, 1].", least=0, most=1),
    )
    zero_one_weight: float = setting(
        10.0,
        "factor of the loss that pushes weights away from a half",
        NOT_NEGATIVE,
    )


@ALGORITHMS.register("fair_darts")
class FairDarts(Algorithm):
    """A sigmoid for each candidate; edges that weigh little are dropped."""

    settings = FairDartsSettings()
    needs_cells = True
    orders = ("first",)

    def check(self, space):
        super().check(space)
        if NONE in space.primitives and not space.edges_per_node:
            raise ConfigError(
                f"--space={space.name} lets an architecture have {NONE!r} on "
                f"an edge, for which --algorithm=fair_darts is not defined; "
                f"give darts, s1, s2, s3 or s4."
            )

    def first_candidates(self, space):
        """Leaves out `none`, which a genotype of the space never holds."""
        found = all_candidates(space)
        for kind in space.cell_types:
            for edge in kind.edges:
                for column, name in enumerate(edge.primitives):
                    if name == NONE:
                        found[kind.name][edge.index, column] = False
        return found

    def parameters(self, space):
        zeros = keras.initializers.Zeros()
        return {
            name: dataclasses.replace(parameter, initializer=zeros)
            for name, parameter in alphas.alpha_matrices(space).items()
        }

    def edge_weights(self, values, cell_type):
        return tf.sigmoid(values[f"alphas_{cell_type.name}"])

    def perturbed(self, weights, noise):
        return tf.clip_by_value(weights + noise, 0.0, 1.0)

    def penalty(self, values):
        every = tf.concat([tf.reshape(v, [-1]) for v in values.values()], 0)
        exists = tf.math.is_finite(every)
        squares = tf.where(exists, tf.square(tf.sigmoid(every) - 0.5), 0.0)
        count = tf.reduce_sum(tf.cast(exists, tf.float32))
        return -self.settings.zero_one_weight * tf.reduce_sum(squares) / count

    def derive(
        self, space: Space, edge_weights: Mapping[str, np.ndarray]
    ) -> Genotype:
        """Keeps of a node's two best edges those that weigh enough.

        Where no edge of a cell does, the strongest from an input stays: a cell
        without any has no output.
        """
        strongest = space.derive(edge_weights)
        cells = {
            kind.name: self._kept(
                kind, strongest.cells[kind.name], edge_weights[kind.name]
            )
            for kind in space.cell_types
        }
        return Genotype(space.name, cells)

    def _kept(
        self,
        kind: CellType,
        edges: tuple[GenotypeEdge, ...],
        weights: np.ndarray,
    ) -> tuple[GenotypeEdge, ...]:
        strengths = {
            edge: weights[kind.edge(edge.source, edge.node).index].max()
            for edge in edges
        }
        fed, kept = set(range(kind.num_inputs)), []
        for edge in edges:
            enough = strengths[edge] >= self.settings.edge_threshold
            if enough and edge.source in fed:
                kept.append(edge)
                fed.add(edge.node)
        if not kept:
            first = [e for e in edges if e.source < kind.num_inputs]
            kept = [max(first, key=strengths.get)]
        return tuple(kept)
