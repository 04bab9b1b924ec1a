"""Skeletons: how networks are laid out around the choices of a space."""

from __future__ import annotations

import abc
import numbers
from collections.abc import Mapping

from maenas_tf.config import AT_LEAST_ONE, ConfigError, check
from maenas_tf.registry import Registry
from maenas_tf.skeletons.plan import Head, NetworkSize, Plan
from maenas_tf.spaces import SPACES, Genotype, Space

SKELETONS: Registry[Skeleton] = Registry("skeleton")


class Skeleton(abc.ABC):
    """A family of networks.

    Attributes:
        head: form of the classifier.
        search_size: (init_channels, num_cells) of the published search.
        evaluation_sizes: stem to (init_channels, num_cells) of the published
            evaluation; its keys are the stems that there are.
        min_num_cells: with fewer a cell type or a stage would be missing.
    """

    head: Head
    search_size: tuple[int, int]
    evaluation_sizes: Mapping[str, tuple[int, int]]
    min_num_cells: int = 1

    def check(self, space: Space, size: NetworkSize) -> None:
        """Raises ConfigError if there is no such network."""
        self.evaluation_size(space, size.stem)
        check(
            isinstance(size.init_channels, numbers.Integral)
            and size.init_channels >= 1,
            "init_channels",
            size.init_channels,
            AT_LEAST_ONE.expected,
        )
        if size.num_cells < self.min_num_cells:
            raise ConfigError(
                f"--num_cells={size.num_cells} is too few for "
                f"--space={space.name}: give a whole number of at least "
                f"{self.min_num_cells}."
            )

    def evaluation_size(self, space: Space, stem: str) -> tuple[int, int]:
        """Returns the published (init_channels, num_cells) with a stem.

        Raises:
            ConfigError: there is no such stem.
        """
        if stem not in self.evaluation_sizes:
            raise ConfigError(
                f"--stem={stem} is not defined for --space={space.name}; use "
                f"--stem={' or --stem='.join(self.evaluation_sizes)}."
            )
        return self.evaluation_sizes[stem]

    @abc.abstractmethod
    def plan(
        self, space: Space, size: NetworkSize, genotype: Genotype | None
    ) -> Plan:
        """Lays a network out.

        Args:
            space: search space.
            size: of the network; `check` has passed it.
            genotype: of the network found, in which a node without an edge
                takes no part; None is the supernet's, with all nodes.
        """


def skeleton_of(space: Space) -> Skeleton:
    """Returns the skeleton of a space."""
    return SKELETONS.get(space.skeleton)


def head_of(space: Space) -> Head:
    """Returns the form of the classifier in the networks of a space."""
    return skeleton_of(space).head


def make_plan(
    space: str | Space, size: NetworkSize, genotype: Genotype | None = None
) -> Plan:
    """Returns the plan of a supernet, or of the network of a genotype.

    Args:
        space: a space or its name.
        size: of the network.
        genotype: of the network; None is the supernet.

    Raises:
        ConfigError: there is no such network.

    Examples:
        >>> make_plan("nasbench201", NetworkSize(16, 5)).levels
        (0, 1, 2)
    """
    space = SPACES.get(space) if isinstance(space, str) else space
    skeleton = skeleton_of(space)
    skeleton.check(space, size)
    return skeleton.plan(space, size, genotype)


def search_cells(space: Space, num_cells: int = 0) -> int:
    """Returns the number of cells of a search; 0 means the published one."""
    return num_cells or skeleton_of(space).search_size[1]


def evaluation_size(
    space: Space,
    stem: str = "",
    init_channels: int = 0,
    num_cells: int = 0,
    image_size: int = 32,
    num_classes: int = 0,
) -> NetworkSize:
    """Returns the size at which a genotype is trained and compared.

    Args:
        space: search space.
        stem: "cifar" or "imagenet"; empty means the first that is published
            for the space.
        init_channels: C; 0 means the published evaluation's.
        num_cells: as in `NetworkSize`; 0 means the published evaluation's.
        image_size: side of the images, pixels.
        num_classes: 0, where there are no labels, counts a classifier of 10.
    """
    skeleton = skeleton_of(space)
    stem = stem or next(iter(skeleton.evaluation_sizes))
    published = skeleton.evaluation_size(space, stem)
    return NetworkSize(
        init_channels or published[0],
        num_cells or published[1],
        image_size,
        num_classes or 10,
        stem,
    )
