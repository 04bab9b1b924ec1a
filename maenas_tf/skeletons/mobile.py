"""Skeletons of chains of layers: NAS-Bench-Macro and ProxylessNAS."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from maenas_tf.config import ConfigError
from maenas_tf.skeletons.costs import primitive_cost
from maenas_tf.skeletons.plan import (
    Cell,
    Convolutions,
    Head,
    NetworkSize,
    PlacedEdge,
    Placement,
)
from maenas_tf.skeletons.planner import Planner
from maenas_tf.skeletons.skeleton import SKELETONS, Skeleton
from maenas_tf.spaces import Edge, Space, macro, mobilenet
from maenas_tf.spaces.chain import LAYERS

# Channels of the stem in the published networks, to which widths relate.
STEM = 32


@dataclasses.dataclass(frozen=True)
class FixedLayer(Placement):
    """A primitive that is not chosen.

    Attributes:
        primitive: its name.
        family: of the space (see `ops.primitives.make_primitive`).
    """

    primitive: str = ""
    family: str = ""

    form: ClassVar[str] = "fixed_layer"

    def cost(self):
        return primitive_cost(
            self.primitive,
            self.channels_out,
            self.size_in,
            2**self.halvings,
            self.channels_in[-1],
            self.family,
        )


class MobileSkeleton(Skeleton):
    """A stem, stages of layers, a wide 1x1 convolution before the pooling.

    All widths grow with C, the stem's channels, from those published for 32;
    they are rounded to multiples of 8.

    Args:
        family: of the primitives.
        stages: (channels, layers, stride of the first) of each.
        stem_name: of the one stem there is.
        stem_halvings: how often it halves the resolution.
        fixed: channels of a layer behind the stem that is not chosen; 0 is
            none.
        activation: behind stem and last convolution.
        epsilon: of their normalisations.
    """

    search_size = (STEM, 1)

    def __init__(
        self,
        family: str,
        stages: tuple[tuple[int, int, int], ...],
        stem_name: str,
        stem_halvings: int,
        fixed: int,
        activation: str,
        epsilon: float,
    ):
        self.family = family
        self.stages = stages
        self.stem_halvings = stem_halvings
        self.fixed = fixed
        self.activation = activation
        self.epsilon = epsilon
        self.evaluation_sizes = {stem_name: (STEM, 1)}
        self.head = Head(activation, channels=1280, epsilon=epsilon)

    def check(self, space: Space, size: NetworkSize) -> None:
        super().check(space, size)
        if size.num_cells != 1:
            raise ConfigError(
                f"--num_cells={size.num_cells} has no part in "
                f"--space={space.name}, which has "
                f"{sum(count for _, count, _ in self.stages)} layers and no "
                f"cells; drop it."
            )

    def plan(self, space, size, genotype):
        del genotype  # A chain always has all of its layers.
        planner = Planner(space, size)

        def scaled(width: int) -> int:
            if size.init_channels == STEM:
                return width
            return max(8, round(width * size.init_channels / STEM / 8) * 8)

        stem = size.init_channels
        planner.place(
            Convolutions,
            "stem",
            stem,
            self.stem_halvings,
            widths=(stem,),
            stride=2**self.stem_halvings,
            activation_last=self.activation,
            epsilon=self.epsilon,
        )
        if self.fixed:
            planner.place(
                FixedLayer,
                "fixed",
                scaled(self.fixed),
                primitive="mb1_k3",
                family=self.family,
            )
        edges = iter(space.cell_types[0].edges)
        for width, count, stride in self.stages:
            for index in range(count):
                _place_layer(
                    planner,
                    next(edges),
                    scaled(width),
                    1 if index else stride,
                    self.family,
                )
        return planner.finish(self.head)


def _place_layer(
    planner: Planner, edge: Edge, channels: int, stride: int, family: str
) -> None:
    before = planner.last
    placed = PlacedEdge(
        edge,
        0,
        1,
        planner.channels(before),
        channels,
        stride,
        planner.side(before),
        family,
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


SKELETONS.register("macro")(
    MobileSkeleton(
        "macro",
        tuple(
            (64 * 2**stage, count, 2)
            for stage, count in enumerate(macro.STAGES)
        ),
        stem_name="cifar",
        stem_halvings=0,
        fixed=0,
        activation="relu",
        epsilon=1e-5,
    )
)
for _name, _first in (("mobilenet", 24), ("mobilenet_32", 32)):
    SKELETONS.register(_name)(
        MobileSkeleton(
            "mobilenet",
            tuple(
                zip(
                    (_first, 40, 80, 96, 192, 320),
                    mobilenet.STAGES,
                    (2, 2, 2, 1, 2, 1),
                    strict=True,
                )
            ),
            stem_name="imagenet",
            stem_halvings=1,
            fixed=16,
            activation="relu6",
            epsilon=1e-3,
        )
    )
