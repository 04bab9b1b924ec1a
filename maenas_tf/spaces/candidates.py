"""Which candidates the edges have: all of a space's, or fewer.

The columns of a cell type's matrices stay those of the space, so that
matrices of different candidates can be laid side by side.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping

import numpy as np

from maenas_tf.spaces.space import NONE, CellType, Space

# Cell type to truth values [edges, primitives].
Candidates = Mapping[str, np.ndarray]


def all_candidates(space: Space) -> dict[str, np.ndarray]:
    """Returns which candidates the edges of a space have."""
    found = {}
    for kind in space.cell_types:
        exists = np.zeros((kind.num_edges, kind.max_primitives), bool)
        for edge in kind.edges:
            exists[edge.index, : len(edge.primitives)] = True
        found[kind.name] = exists
    return found


def narrowed(space: Space, candidates: Candidates) -> Space:
    """Returns the space with `none` in the place of what was dropped.

    Raises:
        ValueError: an edge has no candidate left, or one that the space has
            not.
    """
    everything = all_candidates(space)
    if all((candidates[k] == exists).all() for k, exists in everything.items()):
        return space
    for kind, exists in everything.items():
        left = np.asarray(candidates[kind], bool)
        if (left & ~exists).any() or not left.any(axis=1).all():
            raise ValueError(
                f"candidates[{kind!r}] must leave every edge at least one of "
                f"its own {exists.sum(axis=1).tolist()}, received "
                f"{left.astype(int).tolist()}."
            )
    narrow = copy.copy(space)
    narrow.cell_types = tuple(
        _narrowed(kind, candidates[kind.name]) for kind in space.cell_types
    )
    return narrow


def _narrowed(kind: CellType, left: np.ndarray) -> CellType:
    edges = tuple(
        dataclasses.replace(
            edge,
            primitives=tuple(
                name if left[edge.index, column] else NONE
                for column, name in enumerate(edge.primitives)
            ),
        )
        for edge in kind.edges
    )
    return dataclasses.replace(kind, edges=edges)
