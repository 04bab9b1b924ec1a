"""A space without cells: three layers in a row, one choice each.

It touches no other file: a space is its choices and its strings, a skeleton
its plan.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np

from maenas_tf.skeletons import SKELETONS, Skeleton
from maenas_tf.skeletons.plan import (
    PLAIN_HEAD,
    Cell,
    Convolutions,
    PlacedEdge,
)
from maenas_tf.skeletons.planner import Planner
from maenas_tf.spaces import (
    SPACES,
    CellType,
    Edge,
    Genotype,
    GenotypeEdge,
    Space,
)

NAME = LAYERS = "chain"
# Candidates, channels in C and stride of each layer.
CHOICES = (
    (("sep_conv_3x3", "nor_conv_1x1", "nor_conv_3x3"), 1, 1),
    (("nor_conv_3x3", "sep_conv_5x5"), 2, 2),
    (("skip_connect", "sep_conv_3x3"), 2, 1),
)


class ChainSpace(Space):
    """A matrix of alphas with a row for each layer."""

    skeleton = NAME

    def __init__(self):
        edges = tuple(
            Edge(index, index, index + 1, primitives)
            for index, (primitives, _, _) in enumerate(CHOICES)
        )
        last = len(edges)
        cell_type = CellType(LAYERS, 1, last, edges, (last,))
        super().__init__(NAME, (cell_type,))

    def derive(self, weights):
        matrix = self._checked_weights(weights)[LAYERS]
        return self._take(
            int(np.argmax(row[: len(edge.primitives)]))
            for row, edge in zip(matrix, self.cell_types[0].edges, strict=True)
        )

    def random_genotype(self, rng):
        return self._take(
            rng.integers(len(primitives)) for primitives, _, _ in CHOICES
        )

    def _take(self, columns):
        edges = zip(self.cell_types[0].edges, columns, strict=True)
        return Genotype(
            self.name,
            {
                LAYERS: tuple(
                    GenotypeEdge(e.primitives[column], e.source, e.node)
                    for e, column in edges
                )
            },
        )

    def genotype_to_dict(self, genotype):
        return {
            "space": self.name,
            "layers": [edge.primitive for edge in genotype.cells[LAYERS]],
        }

    def genotype_from_dict(self, values):
        edges = tuple(
            GenotypeEdge(primitive, index, index + 1)
            for index, primitive in enumerate(values["layers"])
        )
        return Genotype(self.name, {LAYERS: edges})

    def genotype_to_string(self, genotype):
        return genotype.to_json().replace("\n", " ")

    def _choices(self, edge):
        return edge.primitives

    def _check_counts(self, cell_type, edges):
        if len(edges) != len(CHOICES):
            raise ValueError(f"The chain has {len(CHOICES)} layers.")


class ChainSkeleton(Skeleton):
    """A stem, then the layers; two resolutions."""

    head = PLAIN_HEAD
    search_size = (4, 1)
    evaluation_sizes = {"cifar": (4, 1)}

    def plan(self, space, size, genotype):
        del genotype
        planner = Planner(space, size)
        width = size.init_channels
        planner.place(Convolutions, "stem", width, widths=(width,))
        (cell_type,) = space.cell_types
        for edge, (_, factor, stride) in zip(
            cell_type.edges, CHOICES, strict=True
        ):
            channels = factor * width
            before = planner.last
            placed = PlacedEdge(
                edge,
                0,
                1,
                planner.channels(before),
                channels,
                stride,
                planner.side(before),
                "",
            )
            planner.place(
                Cell,
                f"layer_{edge.index}",
                channels,
                halvings=stride - 1,
                cell_type=LAYERS,
                edges=(placed,),
                concat=(1,),
                channels=channels,
            )
        return planner.finish(self.head)


@contextlib.contextmanager
def registered() -> Iterator[ChainSpace]:
    """Registers the space and its skeleton for a `with` block."""
    with (
        SPACES.temporary(NAME, ChainSpace()) as space,
        SKELETONS.temporary(NAME, ChainSkeleton()),
    ):
        yield space
