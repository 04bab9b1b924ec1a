"""Cells: the search cell and the found cell."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence

import keras
import tensorflow as tf

from maenas_tf.models.cell_inputs import CellInputs
from maenas_tf.models.wiring import wire
from maenas_tf.ops.drop_path import DropPath
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.primitive import Primitive
from maenas_tf.ops.primitives import make_primitive
from maenas_tf.ops.sharing import shared
from maenas_tf.ops.source import SourceNode, Term
from maenas_tf.skeletons import plan
from maenas_tf.spaces import GenotypeEdge


class Cell(keras.layers.Layer):
    """What search cell and found cell share.

    Args:
        placement: its nodes and edges, and where it stands.
        search: the search's form of what prepares the inputs.
    """

    def __init__(self, placement: plan.Cell, search: bool, **kwargs):
        super().__init__(**kwargs)
        self.placement = placement
        self.channels = placement.channels
        self.inputs_layer = None
        if placement.prepares_inputs:
            self.inputs_layer = CellInputs(
                placement.channels,
                placement.halves_older,
                search,
                name="inputs",
            )

    def build_inputs(self, input_shape) -> None:
        """Makes the weights of what prepares the inputs."""
        if self.inputs_layer is not None:
            self.inputs_layer.build(input_shape)

    def prepared(self, inputs, training: bool):
        """Returns the values of the input nodes."""
        if self.inputs_layer is None:
            return inputs
        return self.inputs_layer.call(inputs, training=training)


class SearchCell(Cell):
    """A cell whose every edge holds all candidates.

    Args:
        placement: its nodes, edges and candidates.
        make_edge: makes what stands on an edge, `MixedOp` or alike.
        recompute: compute the candidates again for their gradient, which
            then keeps little more than the nodes.
    """

    def __init__(
        self,
        placement: plan.Cell,
        make_edge: Callable[..., MixedOp] = MixedOp,
        recompute: bool = False,
        **kwargs,
    ):
        super().__init__(placement, True, **kwargs)
        self.edges = [
            make_edge(
                placed.edge.primitives,
                placed.channels_out,
                placed.stride,
                placed.family,
                name=f"edge_{placed.edge.source}_{placed.edge.node}",
            )
            for placed in placement.edges
        ]
        for edge in self.edges:
            edge.recompute = recompute
        if self.inputs_layer is not None:
            self.inputs_layer.recompute = recompute

    def build(self, input_shape):
        self.build_inputs(input_shape)
        for placed, edge in zip(self.placement.edges, self.edges, strict=True):
            edge.build((None, None, None, placed.channels_in))
        self.built = True

    def call(self, inputs, weights, training=False):
        """Computes the cell.

        Args:
            inputs: list of the input nodes' values, [B, H, W, .].
            weights: the weights of all edges of the cell type, [edges,
                primitives].

        Returns:
            [B, H', W', C * number of concatenated nodes].
        """
        connections = [
            (
                placed.source,
                placed.node,
                functools.partial(edge.terms, weights=row, training=training),
            )
            for placed, edge, row in zip(
                self.placement.edges,
                self.edges,
                self._by_edge(weights),
                strict=True,
            )
        ]
        return wire(
            self.prepared(inputs, training), connections, self.placement.concat
        )

    def _by_edge(self, weights) -> list[list[tf.Tensor]]:
        """Returns [edge][primitive] of tensors [C], a weight C times.

        That is the form in which normalisation takes it as its scale: one
        operation for a cell instead of one for each candidate.
        """
        edges = [placed.edge for placed in self.placement.edges]
        rows = [edge.index for edge in edges]
        if rows != list(range(weights.shape[0])):
            weights = tf.gather(weights, rows)
        count, width = weights.shape
        flat = tf.reshape(weights, [count * width, 1])
        each = tf.unstack(tf.tile(flat, [1, self.channels]))
        return [
            each[place * width : place * width + len(edge.primitives)]
            for place, edge in enumerate(edges)
        ]


class NetworkCell(Cell):
    """A cell in which every edge holds the one operation that was chosen.

    Args:
        placement: its nodes and edges.
        genotype_edges: what was chosen in its cell type, in order of the
            target nodes; edges that do not stand here are left out.
        search: the search's form of the primitives, else the network's.
    """

    shared_from = 2

    def __init__(
        self,
        placement: plan.Cell,
        genotype_edges: Sequence[GenotypeEdge],
        search: bool = False,
        **kwargs,
    ):
        super().__init__(placement, search, **kwargs)
        placed = {(p.edge.source, p.edge.node): p for p in placement.edges}
        chosen = [
            (placed[edge.source, edge.node], edge.primitive)
            for edge in genotype_edges
            if (edge.source, edge.node) in placed
        ]
        self.chosen_edges = [place for place, _ in chosen]
        self.operations = [
            make_primitive(
                primitive,
                place.channels_out,
                place.stride,
                search,
                place.family,
            )
            for place, primitive in chosen
        ]

    @property
    def kind(self) -> Hashable:
        """What equal cells have in common; see `sharing.shared`."""
        chosen = tuple(
            (operation.name, placed.channels_out, placed.family)
            + (placed.source, placed.node, placed.stride)
            for placed, operation in zip(
                self.chosen_edges, self.operations, strict=True
            )
        )
        return type(self), chosen, self.placement.concat

    def build(self, input_shape):
        self.build_inputs(input_shape)
        for placed, operation in zip(
            self.chosen_edges, self.operations, strict=True
        ):
            edge = placed.edge
            with keras.name_scope(f"edge_{edge.source}_{edge.node}"):
                operation.build((None, None, None, placed.channels_in))
        self.built = True

    def call(self, inputs, drop: DropPath | None = None, training=False):
        """Computes the cell.

        Args:
            inputs: list of the input nodes' values, [B, H, W, .].
            drop: applied to each operation's output while training, except
                to that of a stride-1 identity; None drops nothing.

        Returns:
            [B, H', W', C * number of concatenated nodes].
        """
        variables = [v for o in self.operations for v in o.variables]
        if drop is not None:
            variables += drop.variables
        return shared(
            (*self.kind, training, drop is None),
            functools.partial(self._compute, drop, training),
            self.prepared(inputs, training),
            variables,
            [operation for operation in self.operations if operation.draws],
        )

    def _compute(self, drop, training, *prepared):
        connections = [
            (
                placed.source,
                placed.node,
                functools.partial(_term, operation, drop, training),
            )
            for placed, operation in zip(
                self.chosen_edges, self.operations, strict=True
            )
        ]
        return wire(prepared, connections, self.placement.concat)


def _term(
    operation: Primitive,
    drop: DropPath | None,
    training: bool,
    source: SourceNode,
) -> list[Term]:
    x = operation.weighted(source, None, training)
    if training and drop is not None and not operation.is_identity:
        x = drop(x)
    return [x]
