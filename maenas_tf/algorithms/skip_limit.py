"""A limit on skip connections: the weakest lose, and others are chosen.

Chen et al., "Progressive Differentiable Architecture Search" (2019), section
3.3, who limit the normal cell to two; here for any algorithm.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from maenas_tf.algorithms.algorithm import Algorithm
from maenas_tf.config import ConfigError
from maenas_tf.spaces import Genotype, Space
from maenas_tf.spaces.skips import SKIP, count_limited, limited_types

# Less than nothing: what an algorithm dropped itself may weigh 0.
DROPPED = -1.0


def allowed(algorithm: Algorithm, space: Space, asked: int) -> int | None:
    """Returns the most skips, None for no limit.

    Args:
        algorithm: has a limit of its own, or none.
        space: search space.
        asked: by the user; -1 takes the algorithm's.

    Raises:
        ConfigError: a limit is asked for in a space without cells.
    """
    if asked < 0:
        return algorithm.max_skips
    if not space.has_cells:
        raise ConfigError(
            f"--max_skips={asked} is about the skips of cells, and "
            f"--space={space.name} is a chain of layers; drop it."
        )
    return asked


def derive(
    algorithm: Algorithm,
    space: Space,
    edge_weights: Mapping[str, np.ndarray],
    most: int | None,
) -> Genotype:
    """Reads the architecture off the edge weights, with few skips.

    While the cells that keep the resolution have too many, the weakest of
    their skips is dropped and the algorithm derives again, by its own rule.

    Args:
        algorithm: whose rule it is.
        space: search space.
        edge_weights: cell type to [edges, primitives].
        most: skips of those cells; None is no limit.

    Raises:
        ConfigError: the algorithm finds nothing else for an edge.
    """
    genotype = algorithm.derive(space, edge_weights)
    if most is None:
        return genotype
    weights = {k: np.array(w, np.float64) for k, w in edge_weights.items()}
    while count_limited(space, genotype) > most:
        places = _skips(space, genotype)
        left = [p for p in places if weights[p[0]][p[1:]] != DROPPED]
        if not left:
            raise ConfigError(
                f"--max_skips={most} cannot be kept: "
                f"{type(algorithm).__name__} takes {len(places)} skips in "
                f"--space={space.name} whatever they weigh; allow as many."
            )
        kind, *place = min(left, key=lambda p: weights[p[0]][p[1:]])
        weights[kind][tuple(place)] = DROPPED
        genotype = algorithm.derive(space, weights)
    return genotype


def _skips(space: Space, genotype: Genotype) -> list[tuple[str, int, int]]:
    """Returns cell type, row and column of the skips that count."""
    places = []
    for kind in limited_types(space):
        for chosen in genotype.cells[kind.name]:
            if chosen.primitive == SKIP:
                edge = kind.edge(chosen.source, chosen.node)
                column = edge.primitives.index(SKIP)
                places.append((kind.name, edge.index, column))
    return places
