"""Small searches for the tests of this folder and of the tasks."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.algorithms.darts import Darts
from maenas_tf.data.array_images import ArrayImages
from maenas_tf.data.arrays import from_arrays
from maenas_tf.searching.build import build_searcher
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.searcher import Searcher
from maenas_tf.spaces import (
    SPACES,
    CellType,
    Edge,
    Genotype,
    GenotypeEdge,
    NASBench201Space,
)
from maenas_tf.spaces.darts import DartsSpace
from maenas_tf.tasks.objective import build_task

IMAGE_SIZE, BATCH_SIZE = 8, 4


class OneEdgeSpace(NASBench201Space):
    """NAS-Bench-201 with one edge a cell, a third of the time to trace."""

    def __init__(self):
        super().__init__("one_edge")
        (cell_type,) = self.cell_types
        edge = Edge(0, 0, 1, cell_type.edges[0].primitives)
        self.cell_types = (CellType("cell", 1, 1, (edge,), (1,)),)

    def genotype_from_dict(self, values):
        primitive = values["arch"].strip("|").partition("~")[0]
        return Genotype(self.name, {"cell": (GenotypeEdge(primitive, 0, 1),)})


ONE_EDGE = OneEdgeSpace()


class TwoEdgeSpace(DartsSpace):
    """The DARTS wiring up to its first inner node, with few candidates."""

    def __init__(
        self,
        name: str = "two_edges",
        candidates: tuple[str, ...] = (
            "none",
            "skip_connect",
            "sep_conv_3x3",
        ),
    ):
        super().__init__(name, lambda cell_type, index: candidates)
        self.cell_types = tuple(
            CellType(kind.name, 2, 1, kind.edges[:2], (2,))
            for kind in self.cell_types
        )


TWO_EDGES = TwoEdgeSpace()


class PlainDarts(Darts):
    """DARTS of candidates as they are defined."""

    def make_edge(self, *args, **kwargs):
        return super().make_edge(*args, implementation="plain", **kwargs)


def make_config(**settings) -> SearchConfig:
    """Returns the configuration of the smallest supernet of a space."""
    space = settings.get("space", "nasbench201")
    staged = space in ("nasbench201", ONE_EDGE.name)
    settings = {
        "space": space,
        "num_cells": 1 if staged else 3,
        "init_channels": 2,
        "patch_size": 4,
        "mask_ratio": 0.5,
        "batch_size": BATCH_SIZE,
        **settings,
    }
    return SearchConfig(**settings)


def make_images(
    count: int = 16, num_classes: int = 0, image_size: int = IMAGE_SIZE
) -> ArrayImages:
    """Returns random images, with labels if there are classes."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, image_size, image_size, 3), np.uint8)
    labels = np.arange(count) % num_classes if num_classes else None
    return from_arrays(images, labels=labels)


def make_searcher(
    config: SearchConfig | None = None,
    seed: int = 0,
    num_classes: int = 0,
    image_size: int = IMAGE_SIZE,
    **settings,
) -> Searcher:
    """Returns a compiled searcher; `settings` are of the configuration."""
    config = config or make_config(**settings)
    keras.utils.set_random_seed(seed)
    own = {space.name: space for space in (ONE_EDGE, TWO_EDGES)}
    space = own.get(config.space) or SPACES.get(config.space)
    task = build_task(config, space, image_size, num_classes)
    algorithm = ALGORITHMS.get(config.algorithm)()
    algorithm.settings = config.group(type(algorithm.settings))
    return build_searcher(config, space, task, algorithm)


def make_batch(
    searcher: Searcher, seed: int = 0, batch_size: int = BATCH_SIZE
) -> dict[str, dict[str, tf.Tensor]]:
    """Returns random images, labelled 0 and 1, other ones for each half."""
    task = searcher.task
    rng = np.random.default_rng(seed)
    shape = (batch_size, IMAGE_SIZE, IMAGE_SIZE, 3)
    halves = {}
    for name in ("weights", "alphas"):
        examples = [
            task.map(
                {
                    "image": tf.constant(image, tf.float32),
                    "label": tf.constant(number % 2),
                },
                tf.constant(rng.integers(1 << 30, size=2), tf.int32),
            )
            for number, image in enumerate(rng.normal(size=shape))
        ]
        halves[name] = {
            key: tf.stack([e[key] for e in examples]) for key in examples[0]
        }
    return halves


def values(variables) -> list[np.ndarray]:
    """Returns copies of the variables' values."""
    return [v.value.numpy() for v in variables]


def flat(arrays) -> np.ndarray:
    """Returns all numbers of a list of arrays in one row, in float64."""
    return np.concatenate([np.asarray(a, np.float64).ravel() for a in arrays])
