"""The skip connections that a limit is about."""

from __future__ import annotations

from maenas_tf.spaces.genotype import Genotype
from maenas_tf.spaces.space import CellType, Space

SKIP = "skip_connect"


def limited_types(space: Space) -> tuple[CellType, ...]:
    """Returns the cells that keep the resolution: normal cells, or the only.

    A chain of layers has none.
    """
    if not space.has_cells:
        return ()
    return tuple(
        kind
        for kind in space.cell_types
        if not any(edge.reduces for edge in kind.edges)
    )


def count_limited(space: Space, genotype: Genotype) -> int:
    """Returns how many skips a genotype has in those cells."""
    return sum(genotype.count(SKIP, kind.name) for kind in limited_types(space))
