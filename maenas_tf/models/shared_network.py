"""The networks of all architectures with one set of weights, op by op."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.models.cell import SearchCell
from maenas_tf.models.heads import ClassifierHead
from maenas_tf.models.trunk import Trunk
from maenas_tf.models.wiring import wire
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.primitive import Primitive, zeros
from maenas_tf.ops.primitives import make_primitive
from maenas_tf.ops.probe import Kernels, apply, constant
from maenas_tf.ops.source import SourceNode
from maenas_tf.skeletons import NetworkSize, make_plan
from maenas_tf.skeletons.plan import Cell
from maenas_tf.spaces import CellType, Genotype, GenotypeEdge, Space
from maenas_tf.spaces.space import NONE


class _FoundOps(MixedOp):
    """The candidates of an edge in the form of the network found."""

    packs = False

    def make_candidate(self, name: str) -> Primitive:
        return make_primitive(
            name, self.channels, self.stride, False, self.family
        )


@dataclasses.dataclass(frozen=True)
class Block:
    """A part of a network: the stem, a cell or what stands between cells.

    Attributes:
        name: of the placement.
        inputs: names of the blocks that feed it, older first.
        compute: maps their outputs to its own, [B, H, W, C].
    """

    name: str
    inputs: tuple[str, ...]
    compute: Callable[[Sequence[tf.Tensor]], tf.Tensor]


class SharedNetwork:
    """All networks of a space at one size, which share their weights.

    A network's operations are computed one after the other, without a graph:
    nothing is traced for an architecture, only what it has chosen is
    computed, and nothing is kept of it. The weights are drawn from a normal
    distribution of standard deviation sqrt(2 / fan-in) (He et al., "Delving
    Deep into Rectifiers", 2015), biases are zero.

    Operations from which no way leads to a cell's output, or to which none
    leads from its inputs, are not computed: they are no part of the function.

    Args:
        space: search space.
        size: of the networks.
        seed: of the weights.

    Attributes:
        plan: of the network with all nodes.
        trunk: holds the weights.
        head: the classifier.
        kernels: holds the weights of convolutions as passes read them; none
            may be assigned to afterwards.

    Raises:
        ConfigError: there is no such network.
    """

    def __init__(self, space: Space, size: NetworkSize, seed: int = 0):
        self.space = space
        self.kernels = Kernels()
        self.plan = make_plan(space, size)
        self.plan.check_image_size()
        side = size.image_size
        self.trunk = Trunk(self.plan, make_edge=_FoundOps, name="trunk")
        self.trunk.build((None, side, side, 3))
        self.head = ClassifierHead(
            size.num_classes, self.plan.head, name="head"
        )
        self.head.build(self.trunk.feature_shapes)
        for number, variable in enumerate(self.weights):
            rng = np.random.default_rng((seed, number))
            variable.assign(_initial(variable, rng))

    @property
    def weights(self) -> list[keras.Variable]:
        """All that a training would move."""
        return [*self.trunk.trainable_variables, *self.head.trainable_variables]

    def blocks(self, genotype: Genotype) -> Iterator[Block]:
        """Yields the parts of a network in the order of computation."""
        live = {
            kind.name: live_edges(kind, genotype.cells[kind.name])
            for kind in self.space.cell_types
        }
        for placement, layer in zip(
            self.plan.placements, self.trunk.placed, strict=True
        ):
            compute = functools.partial(_call, layer)
            if isinstance(placement, Cell):
                compute = functools.partial(
                    _compute_cell, layer, live[placement.cell_type]
                )
            yield Block(placement.name, placement.inputs, compute)

    def pool(self, feature: tf.Tensor) -> tf.Tensor:
        """Returns what the classifier weighs, [B, C], of the last feature."""
        last = self.head.activate([feature], True)
        return apply(lambda x: tf.reduce_mean(x, [1, 2]), last)

    def classify(self, pooled: tf.Tensor) -> tf.Tensor:
        """Returns logits [B, classes]."""
        return apply(self.head.classify, pooled)


def live_edges(
    kind: CellType, edges: Sequence[GenotypeEdge]
) -> list[GenotypeEdge]:
    """Returns the edges that lie on a way from an input to the output."""
    reached = set(range(kind.num_inputs))
    fed = []
    for edge in edges:  # In the order of the nodes that they enter.
        if edge.primitive != NONE and edge.source in reached:
            reached.add(edge.node)
            fed.append(edge)
    wanted, live = set(kind.concat), []
    for edge in reversed(fed):
        if edge.node in wanted:
            wanted.add(edge.source)
            live.append(edge)
    return live[::-1]


def _call(layer: keras.layers.Layer, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
    return layer.call(inputs[-1], training=True)


def _compute_cell(
    cell: SearchCell,
    genotype_edges: Sequence[GenotypeEdge],
    inputs: Sequence[tf.Tensor],
) -> tf.Tensor:
    """Returns the output of a cell of which some operations are chosen."""
    placement = cell.placement
    placed = {
        (p.edge.source, p.edge.node): (p, layer)
        for p, layer in zip(placement.edges, cell.edges, strict=True)
    }
    connections = []
    for edge in genotype_edges:
        if (edge.source, edge.node) in placed:
            place, layer = placed[edge.source, edge.node]
            number = layer.primitives.index(edge.primitive)
            term = functools.partial(_term, layer.candidates[number])
            connections.append((place.source, place.node, term))
    fed = {node for _, node, _ in connections}
    nothing = functools.partial(
        _zeros, 2**placement.halvings, placement.channels
    )
    for node in placement.concat:
        if node not in fed:
            connections.append((0, node, nothing))
    connections.sort(key=lambda connection: connection[1])
    return wire(cell.prepared(inputs, True), connections, placement.concat)


def _term(operation: Primitive, source: SourceNode) -> list[tf.Tensor]:
    return [operation.term(source, None, True)]


def _zeros(stride: int, channels: int, source: SourceNode) -> list[tf.Tensor]:
    return [constant(zeros(source.value, stride, channels))]


def _initial(variable: keras.Variable, rng: np.random.Generator) -> np.ndarray:
    """Returns the first value of a weight."""
    shape = tuple(variable.shape)
    if len(shape) == 1:
        return np.full(shape, float(variable.name == "gamma"))
    # A depthwise kernel [k, k, C, 1] sums over its window alone.
    fan_in = math.prod(shape[:2] if shape[3:] == (1,) else shape[:-1])
    return rng.normal(0.0, math.sqrt(2.0 / fan_in), shape)
