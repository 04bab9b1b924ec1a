"""Parameters and multiply-accumulates of networks, in closed form.

No layer is made: a limit can be checked, and all architectures of a space
compared, in no time. The cost of a network is that of its skeleton plus that
of every chosen edge; an edge costs what its primitive costs in all cells of
its type. That the sums equal the real networks' is tested.

Counted as the literature does: trainable parameters (normalisation is affine
in the network found); multiply-accumulates of convolutions and dense layers,
at one image, each output pixel costing the full kernel, at the border too.
"""

from __future__ import annotations

import abc
import dataclasses

from maenas_tf.config import ConfigError
from maenas_tf.registry import Registry
from maenas_tf.skeletons.costs import (
    Cost,
    conv_norm,
    factorized_reduce,
    half,
    primitive_cost,
)
from maenas_tf.spaces import SPACES, Genotype, Space

SKELETON_COSTS: Registry = Registry("skeleton with known costs")
STEM_COSTS: Registry = Registry("stem with known costs")


@dataclasses.dataclass(frozen=True)
class NetworkSize:
    """How large a network is built around its cells.

    Attributes:
        init_channels: C.
        num_cells: number of cells (nasbench201: per stage).
        image_size: side of the images, pixels.
        num_classes: outputs of the classifier.
        stem: "cifar" or "imagenet".
    """

    init_channels: int
    num_cells: int
    image_size: int = 32
    num_classes: int = 10
    stem: str = "cifar"


@dataclasses.dataclass(frozen=True)
class Place:
    """The nodes of one cell: their width and the size of its inputs."""

    channels: int
    size: int


class SkeletonCosts(abc.ABC):
    """What surrounds the chosen edges of a network, and where they stand.

    Args:
        space: search space.
        size: of the network.

    Attributes:
        reference_sizes: stem to (init_channels, num_cells) of the reference
            evaluation.
        fixed: cost of everything but the chosen edges.
        places: cell type to the places of its cells.

    Raises:
        ConfigError: there is no such network.
    """

    reference_sizes: dict[str, tuple[int, int]]

    def __init__(self, space: Space, size: NetworkSize):
        self.space = space
        self.size = size
        self.places: dict[str, list[Place]] = {
            cell_type.name: [] for cell_type in space.cell_types
        }
        self.fixed = self._lay_out()
        self._edges: dict[tuple[str, bool, str], Cost] = {}

    @abc.abstractmethod
    def _lay_out(self) -> Cost:
        """Fills `places` and returns `fixed`."""

    def edge(self, kind: str, source: int, node: int, primitive: str) -> Cost:
        """Returns what a chosen edge costs in all cells of its type.

        Args:
            kind: name of the cell type.
            source: node that the edge leaves.
            node: node that the edge enters.
            primitive: placed on it.
        """
        reduces = self.space.cell_type(kind).edge(source, node).reduces
        key = kind, reduces, primitive
        if key not in self._edges:
            self._edges[key] = self._edge(*key)
        return self._edges[key]

    def _edge(self, kind: str, reduces: bool, primitive: str) -> Cost:
        # Behind a reducing edge a cell's nodes have half the size.
        edges = self.space.cell_type(kind).edges
        reduced = any(edge.reduces for edge in edges)
        total = Cost()
        for place in self.places[kind]:
            size = place.size
            if reduced and not reduces:
                size = half(size)
            stride = 2 if reduces else 1
            total += primitive_cost(primitive, place.channels, size, stride)
        return total

    def network(self, genotype: Genotype) -> Cost:
        """Returns the cost of the network of `genotype`."""
        total = self.fixed
        for kind, edges in genotype.cells.items():
            for edge in edges:
                total += self.edge(kind, edge.source, edge.node, edge.primitive)
        return total

    def _classifier(self, width: int) -> Cost:
        classes = self.size.num_classes
        return Cost((width + 1) * classes, width * classes)


# A stem's cost, then (channels, size) of the first cell's inputs, older first.
StemCost = tuple[Cost, tuple[int, int], tuple[int, int]]


@STEM_COSTS.register("cifar")
def _small_image_stem(channels: int, size: int) -> StemCost:
    output = (3 * channels, size)
    return conv_norm(3, 3, 3 * channels, size), output, output


@STEM_COSTS.register("imagenet")
def _large_image_stem(channels: int, size: int) -> StemCost:
    quarter = half(half(size))
    narrow, eighth = channels // 2, half(quarter)
    cost = (
        conv_norm(3, 3, narrow, half(size))
        + conv_norm(3, narrow, channels, quarter)
        + conv_norm(3, channels, channels, eighth)
    )
    return cost, (channels, quarter), (channels, eighth)


@SKELETON_COSTS.register("darts")
class DartsCosts(SkeletonCosts):
    """The skeleton of `DartsTrunk` with the classifier."""

    reference_sizes = {"cifar": (36, 20), "imagenet": (48, 14)}

    def _lay_out(self) -> Cost:
        size = self.size
        reductions = self.space.reduction_cells(size.num_cells)
        channels = size.init_channels
        total, *values = STEM_COSTS.get(size.stem)(channels, size.image_size)
        for index in range(size.num_cells):
            reduces = index in reductions
            channels = channels * 2 if reduces else channels
            (older, older_size), (newer, side) = values[-2:]
            kind = "reduce" if reduces else "normal"
            self.places[kind].append(Place(channels, side))
            if older_size == side:
                total += conv_norm(1, older, channels, side)
            else:
                total += factorized_reduce(older, channels, side)
            total += conv_norm(1, newer, channels, side)
            width = channels * len(self.space.cell_type(kind).concat)
            values.append((width, half(side) if reduces else side))
        return total + self._classifier(values[-1][0])


@SKELETON_COSTS.register("nasbench201")
class NasBench201Costs(SkeletonCosts):
    """The skeleton of `NasBench201Trunk` with the classifier."""

    reference_sizes = {"cifar": (16, 5)}

    def _lay_out(self) -> Cost:
        channels, side = self.size.init_channels, self.size.image_size
        (cell_type,) = self.space.cell_types
        total = conv_norm(3, 3, channels, side)
        for stage in range(3):
            if stage:
                width, channels, side = channels, 2 * channels, half(side)
                total += conv_norm(3, width, channels, side)
                total += conv_norm(3, channels, channels, side)
                shortcut = width * channels
                total += Cost(shortcut, shortcut * side * side)
            self.places[cell_type.name] += [
                Place(channels, side)
            ] * self.size.num_cells
        # The normalisation before the classifier.
        return total + Cost(2 * channels) + self._classifier(channels)


def evaluation_size(
    space: Space,
    stem: str = "cifar",
    init_channels: int = 0,
    num_cells: int = 0,
    image_size: int = 32,
    num_classes: int = 0,
) -> NetworkSize:
    """Returns the size at which a genotype is trained and compared.

    Args:
        space: search space.
        stem: "cifar" or "imagenet".
        init_channels: C; 0 means the reference evaluation's.
        num_cells: as in `NetworkSize`; 0 means the reference evaluation's.
        image_size: side of the images, pixels.
        num_classes: 0, where there are no labels, counts a classifier of 10.
    """
    references = SKELETON_COSTS.get(space.skeleton).reference_sizes
    reference = references.get(stem)
    if reference is None:
        raise ConfigError(
            f"--stem={stem} is not defined for --space={space.name}; use one "
            f"of {', '.join(references)}."
        )
    return NetworkSize(
        init_channels or reference[0],
        num_cells or reference[1],
        image_size,
        num_classes or 10,
        stem,
    )


def skeleton_costs(space: str | Space, size: NetworkSize) -> SkeletonCosts:
    """Returns the costs of the networks of a space at one size."""
    space = SPACES.get(space) if isinstance(space, str) else space
    return SKELETON_COSTS.get(space.skeleton)(space, size)


def network_cost(genotype: Genotype, size: NetworkSize) -> Cost:
    """Returns what the network of a genotype costs, without building it.

    Example:
        >>> from maenas_tf.spaces import PUBLISHED
        >>> network_cost(PUBLISHED["DARTS_V2"], NetworkSize(36, 20)).parameters
        3349342
    """
    return skeleton_costs(genotype.space, size).network(genotype)
