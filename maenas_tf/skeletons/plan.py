"""Plans: what stands where in a network, as plain data.

A plan is read by everything that knows a network's geometry: the trunk builds
its layers, costs add up over it, and feature levels, image sizes and published
sizes are read off it. A skeleton (`skeleton.py`) makes the plan of a space at a
size.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import ClassVar

from maenas_tf.config import ConfigError
from maenas_tf.skeletons.costs import (
    Cost,
    conv_norm,
    factorized_reduce,
    half,
    primitive_cost,
)
from maenas_tf.spaces import Edge, Space

# The name of what the first placement is fed with.
IMAGES = "images"


@dataclasses.dataclass(frozen=True)
class NetworkSize:
    """How large a network is built around its choices.

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
class Placement(abc.ABC):
    """Something that stands in a network; subclasses say what.

    Attributes:
        name: of its layer, the scopes around it before it ("stem/first").
        inputs: names of the placements whose outputs it takes, older first.
        channels_in: of each input.
        channels_out: of its output.
        size_in: side of the newest input, pixels.
        size_out: of its output.
        halvings: how often it halves the resolution of the newest input.
        level: how often its output is halved against the images.
    """

    name: str
    inputs: tuple[str, ...]
    channels_in: tuple[int, ...]
    channels_out: int
    size_in: int
    size_out: int
    halvings: int
    level: int

    # Of the layer that is built for it (see `models.fixed_layers`).
    form: ClassVar[str]

    @abc.abstractmethod
    def cost(self) -> Cost:
        """Returns the cost of all that is not chosen."""


@dataclasses.dataclass(frozen=True)
class Convolutions(Placement):
    """3x3 convolutions, each with a normalisation; ReLU between them.

    Attributes:
        widths: channels of each convolution's output.
        stride: of each convolution, 1 or 2.
        activation_first: begin with a ReLU.
        activation_last: end with "relu" or "relu6"; empty is none.
        epsilon: of the normalisations.
    """

    widths: tuple[int, ...] = ()
    stride: int = 1
    activation_first: bool = False
    activation_last: str = ""
    epsilon: float = 1e-5

    form: ClassVar[str] = "convolutions"

    def cost(self):
        total, size = Cost(), self.size_in
        before = self.channels_in[-1]
        for width in self.widths:
            size = size if self.stride == 1 else half(size)
            total += conv_norm(3, before, width, size)
            before = width
        return total


@dataclasses.dataclass(frozen=True)
class ResidualReduction(Placement):
    """NAS-Bench-201's block between stages: half the size, new width."""

    form: ClassVar[str] = "residual_reduction"

    def cost(self):
        width, channels, size = (
            self.channels_in[-1],
            self.channels_out,
            self.size_out,
        )
        shortcut = width * channels
        return (
            conv_norm(3, width, channels, size)
            + conv_norm(3, channels, channels, size)
            + Cost(shortcut, shortcut * size * size)
        )


@dataclasses.dataclass(frozen=True)
class PlacedEdge:
    """An edge of a cell type where it stands.

    Attributes:
        edge: of the cell type: its row of the weights and its candidates.
        source: node that it leaves, in the placement's own numbers.
        node: node that it enters.
        channels_in: of the source.
        channels_out: of the node.
        stride: 1 or 2.
        size_in: side of the source, pixels.
        family: of its primitives, where a name means something else than in
            other spaces.
    """

    edge: Edge
    source: int
    node: int
    channels_in: int
    channels_out: int
    stride: int
    size_in: int
    family: str

    def cost(self, primitive: str) -> Cost:
        """Returns the cost of a primitive on this edge."""
        return primitive_cost(
            primitive,
            self.channels_out,
            self.size_in,
            self.stride,
            self.channels_in,
            self.family,
        )


@dataclasses.dataclass(frozen=True)
class Cell(Placement):
    """Nodes with chosen edges between them: a cell, or a single layer.

    Attributes:
        cell_type: name of the cell type whose weights decide.
        edges: in the order of their target nodes.
        concat: nodes whose values make up the output.
        channels: of every inner node.
        prepares_inputs: bring every input to `channels` by a 1x1 convolution.
        halves_older: the older input has twice the size of the newer.
    """

    cell_type: str = ""
    edges: tuple[PlacedEdge, ...] = ()
    concat: tuple[int, ...] = ()
    channels: int = 0
    prepares_inputs: bool = False
    halves_older: bool = False

    form: ClassVar[str] = "cell"

    def cost(self):
        if not self.prepares_inputs:
            return Cost()
        older, newer = self.channels_in
        bring = factorized_reduce if self.halves_older else _pointwise
        return bring(older, self.channels, self.size_in) + _pointwise(
            newer, self.channels, self.size_in
        )


def _pointwise(width: int, channels: int, size: int) -> Cost:
    return conv_norm(1, width, channels, size)


@dataclasses.dataclass(frozen=True)
class Head:
    """The form of the classifier behind the last feature.

    Attributes:
        activation: normalise and activate by "relu" or "relu6" before the
            pooling; empty pools at once.
        channels: of a 1x1 convolution before that; 0 is none.
        epsilon: of the normalisation.
    """

    activation: str = ""
    channels: int = 0
    epsilon: float = 1e-5

    def cost(self, width: int, size: int, num_classes: int) -> Cost:
        """Returns its cost.

        Args:
            width: channels of the feature.
            size: side of the feature, pixels.
            num_classes: outputs.
        """
        before = Cost(2 * width) if self.activation else Cost()
        if self.channels:
            before = conv_norm(1, width, self.channels, size)
            width = self.channels
        return before + Cost((width + 1) * num_classes, width * num_classes)


PLAIN_HEAD = Head()


@dataclasses.dataclass(frozen=True)
class Plan:
    """All placements of a network, in the order in which they are computed.

    Attributes:
        space: search space.
        size: of the network.
        placements: each behind those that it takes its inputs from.
        features: names of the last placement of every resolution, fine to
            coarse: what decoders, heads and detectors are fed with.
        head: form of the classifier.
        auxiliary: name of the placement that an auxiliary head looks at; None
            where there is no such head.
    """

    space: Space
    size: NetworkSize
    placements: tuple[Placement, ...]
    features: tuple[str, ...]
    head: Head
    auxiliary: str | None = None

    def placement(self, name: str) -> Placement:
        """Returns the placement called `name`."""
        (found,) = (p for p in self.placements if p.name == name)
        return found

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The placements that hold choices."""
        return tuple(p for p in self.placements if isinstance(p, Cell))

    @property
    def levels(self) -> tuple[int, ...]:
        """How often each of the features is halved against the images."""
        return tuple(self.placement(name).level for name in self.features)

    @property
    def reduction(self) -> int:
        """How many times smaller the coarsest feature is than the images."""
        return 2 ** self.levels[-1]

    @property
    def smallest_image(self) -> int:
        """The least side of images that the resolution suffices for."""
        return 2 * self.reduction

    def check_image_size(self, *sides: int) -> None:
        """Raises ConfigError unless the resolution can be reduced so often.

        Args:
            *sides: of the images, pixels; none means the plan's.
        """
        divisor = self.reduction
        for side in sides or (self.size.image_size,):
            if side >= self.smallest_image and side % divisor == 0:
                continue
            near = max(2, round(side / divisor)) * divisor
            raise ConfigError(
                f"--image_size={side} does not fit --space={self.space.name}, "
                f"whose network reduces the resolution {divisor} times in all: "
                f"give a multiple of {divisor} from {self.smallest_image} on, "
                f"for example {near}."
            )
