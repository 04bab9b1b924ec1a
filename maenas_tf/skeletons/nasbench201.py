"""NAS-Bench-201's skeleton (Dong and Yang, 2020, section 2.1)."""

from __future__ import annotations

from maenas_tf.skeletons.plan import (
    Cell,
    Convolutions,
    Head,
    PlacedEdge,
    ResidualReduction,
)
from maenas_tf.skeletons.planner import Planner
from maenas_tf.skeletons.skeleton import SKELETONS, Skeleton

NUM_STAGES = 3
FAMILY = "nasbench201"


class NasBench201Skeleton(Skeleton):
    """A 3x3 stem to C channels, then three stages of cells.

    The stages have the widths C, 2C and 4C, with a residual block between
    them; normalisation and ReLU stand before the pooling.
    """

    head = Head(activation="relu")
    search_size = (16, 5)
    evaluation_sizes = {"cifar": (16, 5)}

    def plan(self, space, size, genotype):
        del genotype  # A cell always has all of its edges.
        planner = Planner(space, size)
        channels = size.init_channels
        planner.place(Convolutions, "stem", channels, widths=(channels,))
        (cell_type,) = space.cell_types
        for stage in range(NUM_STAGES):
            if stage:
                channels *= 2
                name = f"reduction_{stage}"
                planner.place(ResidualReduction, name, channels, 1)
            side = planner.side(planner.last)
            edges = tuple(
                PlacedEdge(
                    edge,
                    edge.source,
                    edge.node,
                    channels,
                    channels,
                    1,
                    side,
                    FAMILY,
                )
                for edge in cell_type.edges
            )
            for index in range(size.num_cells):
                planner.place(
                    Cell,
                    f"cell_{stage}_{index}",
                    channels,
                    cell_type=cell_type.name,
                    edges=edges,
                    concat=cell_type.concat,
                    channels=channels,
                )
        return planner.finish(self.head)


SKELETONS.register("nasbench201")(NasBench201Skeleton())
