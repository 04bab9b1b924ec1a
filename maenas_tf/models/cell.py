"""Cells: one wiring loop for the search cell and the found cell."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.primitives import FactorizedReduce, ReluConvNorm
from maenas_tf.ops.recompute import recompute
from maenas_tf.ops.source import SourceNode, Term, add_terms
from maenas_tf.spaces import CellType

# What stands on an edge: source node, target node and a function from the
# source to the terms it adds to the target.
Connection = tuple[int, int, Callable[[SourceNode], list[Term]]]


def wire(
    inputs: Sequence[tf.Tensor],
    connections: Sequence[Connection],
    concat: Sequence[int],
) -> tf.Tensor:
    """Computes a cell: every inner node is the sum over its edges.

    Args:
        inputs: the input nodes' values, each [B, H, W, C].
        connections: in ascending order of the target node.
        concat: the nodes whose values make up the output.

    Returns:
        [B, H', W', C * len(concat)].
    """
    nodes = [SourceNode(x) for x in inputs]
    for target, group in itertools.groupby(connections, key=lambda c: c[1]):
        if target != len(nodes):
            raise ValueError(
                f"The connections reach node {target} where node {len(nodes)} "
                f"was expected; order them by their target and leave no node "
                f"without an edge."
            )
        terms = [
            term for source, _, edge in group for term in edge(nodes[source])
        ]
        nodes.append(SourceNode(add_terms(terms)))
    outputs = [nodes[index].value for index in concat]
    return outputs[0] if len(outputs) == 1 else tf.concat(outputs, -1)


class CellInputs(keras.layers.Layer):
    """Brings the outputs of the two previous cells to one width and size.

    ReLU, 1x1 convolution, normalisation; `FactorizedReduce` for the older one
    where the previous cell halved the resolution.

    Args:
        channels: C, of both results.
        reduced_before: whether the previous cell was a reduction cell.
        search: the search's normalisation, else the network's.
    """

    def __init__(
        self, channels: int, reduced_before: bool, search: bool, **kwargs
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.reduced_before = reduced_before
        self.search = search
        form = {"affine": not search, "moving_statistics": not search}
        self.newer = ReluConvNorm(channels, name="newer", **form)
        self.older = (
            FactorizedReduce(channels, search, name="older")
            if reduced_before
            else ReluConvNorm(channels, name="older", **form)
        )

    def build(self, input_shape):
        self.older.build(input_shape[0])
        self.newer.build(input_shape[1])
        self.built = True

    def call(self, inputs, training=False):
        """Takes and returns [older, newer], each [B, H, W, C]."""
        older, newer = inputs
        return [
            self.older.call(older, training=training),
            self.newer.call(newer, training=training),
        ]


class SearchCell(keras.layers.Layer):
    """A cell whose every edge holds all candidates.

    Args:
        cell_type: its nodes, edges and candidates.
        channels: C, of every node.
        family: the space's skeleton.
        inputs: layer that prepares the input nodes; None passes them on.
        make_edge: makes what stands on an edge, `MixedOp` or alike.
        recompute: compute the cell again for its gradient, keeping only its
            inputs meanwhile.
    """

    def __init__(
        self,
        cell_type: CellType,
        channels: int,
        family: str,
        inputs: keras.layers.Layer | None = None,
        make_edge: Callable[..., MixedOp] = MixedOp,
        recompute: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.cell_type = cell_type
        self.channels = channels
        self.output_channels = channels * len(cell_type.concat)
        self.inputs_layer = inputs
        self.recompute = recompute
        self.edges = [
            make_edge(
                e.primitives,
                channels,
                2 if e.reduces else 1,
                family,
                name=f"edge_{e.source}_{e.node}",
            )
            for e in cell_type.edges
        ]

    def build(self, input_shape):
        if self.inputs_layer is not None:
            self.inputs_layer.build(input_shape)
        for edge in self.edges:
            edge.build((None, None, None, self.channels))
        self.built = True

    def call(self, inputs, weights, training=False):
        """Computes the cell.

        Args:
            inputs: list of the input nodes' values, [B, H, W, .].
            weights: the relaxed alphas, [edges, primitives].

        Returns:
            [B, H', W', C * number of concatenated nodes].
        """
        if not self.recompute:
            return self._compute(training, weights, *inputs)
        compute = functools.partial(self._compute, training)
        return recompute(compute, [weights, *inputs], self.variables)

    def _compute(self, training, weights, *inputs):
        if self.inputs_layer is not None:
            inputs = self.inputs_layer.call(inputs, training=training)
        connections = [
            (spec.source, spec.node, _terms(edge, row, training))
            for spec, edge, row in zip(
                self.cell_type.edges,
                self.edges,
                self._by_edge(weights),
                strict=True,
            )
        ]
        return wire(inputs, connections, self.cell_type.concat)

    def _by_edge(self, weights) -> list[list[tf.Tensor]]:
        """Returns [edge][primitive] of tensors [C], a weight C times.

        That is the form in which normalisation takes it as its scale: one
        operation for a cell instead of one for each candidate.
        """
        count, width = weights.shape
        flat = tf.reshape(weights, [count * width, 1])
        each = tf.unstack(tf.repeat(flat, self.channels, axis=1))
        return [
            each[edge.index * width : edge.index * width + len(edge.primitives)]
            for edge in self.cell_type.edges
        ]


def _terms(edge: MixedOp, weights, training: bool):
    def terms(source: SourceNode) -> list[Term]:
        return edge.terms(source, weights, training)

    return terms
