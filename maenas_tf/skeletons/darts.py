"""The DARTS skeleton (Liu et al., 2019, section 3.1)."""

from __future__ import annotations

from maenas_tf.skeletons.plan import (
    PLAIN_HEAD,
    Cell,
    Convolutions,
    NetworkSize,
    PlacedEdge,
)
from maenas_tf.skeletons.planner import Planner
from maenas_tf.skeletons.skeleton import SKELETONS, Skeleton
from maenas_tf.spaces import CellType, Genotype
from maenas_tf.spaces.darts import NORMAL, REDUCE


def reduction_cells(num_cells: int) -> tuple[int, int]:
    """Returns the indices of the reduction cells, at the thirds."""
    return num_cells // 3, 2 * num_cells // 3


FAMILY = "darts"


class DartsSkeleton(Skeleton):
    """A stem, then cells, each fed by the two before it.

    The cells at one third and two thirds of the depth halve the resolution and
    double the width. The stem is one convolution to 3C channels, or for large
    images three of stride 2, of which the first cell sees the last two, at a
    quarter and an eighth of the resolution (the reference's ImageNet network).
    """

    head = PLAIN_HEAD
    search_size = (16, 8)
    evaluation_sizes = {"cifar": (36, 20), "imagenet": (48, 14)}
    min_num_cells = 3

    def plan(self, space, size, genotype):
        planner = Planner(space, size)
        older, newer = _place_stem(planner, size)
        reductions = reduction_cells(size.num_cells)
        channels = size.init_channels
        for index in range(size.num_cells):
            kind, name = NORMAL, f"cell_{index}"
            if index in reductions:
                kind, channels = REDUCE, 2 * channels
            _place_cell(
                planner,
                space.cell_type(kind),
                name,
                channels,
                (older, newer),
                genotype,
            )
            older, newer = newer, name
        return planner.finish(self.head, f"cell_{reductions[-1]}")


def _place_stem(planner: Planner, size: NetworkSize) -> tuple[str, str]:
    """Returns the names of the first cell's inputs, older and newer."""
    first, second = "stem/first", "stem/second"
    channels = size.init_channels
    if size.stem == "cifar":
        widths = (3 * channels,)
        planner.place(Convolutions, first, 3 * channels, widths=widths)
        return first, first
    widths = (channels // 2, channels)
    planner.place(Convolutions, first, channels, 2, widths=widths, stride=2)
    planner.place(
        Convolutions,
        second,
        channels,
        1,
        widths=(channels,),
        stride=2,
        activation_first=True,
    )
    return first, second


def _place_cell(
    planner: Planner,
    cell_type: CellType,
    name: str,
    channels: int,
    inputs: tuple[str, str],
    genotype: Genotype | None,
) -> None:
    older, newer = map(planner.side, inputs)
    reduces = any(edge.reduces for edge in cell_type.edges)
    inner = -(-newer // 2) if reduces else newer
    concat = cell_type.concat
    if genotype is not None:
        concat = genotype.live_nodes(cell_type.name, concat)
    planner.place(
        Cell,
        name,
        channels * len(concat),
        halvings=int(reduces),
        inputs=inputs,
        cell_type=cell_type.name,
        edges=tuple(
            PlacedEdge(
                edge,
                edge.source,
                edge.node,
                channels,
                channels,
                2 if edge.reduces else 1,
                newer if edge.source < cell_type.num_inputs else inner,
                FAMILY,
            )
            for edge in cell_type.edges
        ),
        concat=concat,
        channels=channels,
        prepares_inputs=True,
        halves_older=older != newer,
    )


SKELETONS.register("darts")(DartsSkeleton())
