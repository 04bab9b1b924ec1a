"""Which architectures are judged."""

from __future__ import annotations

from maenas_tf.config.random_streams import ARCHITECTURES
from maenas_tf.spaces import Genotype, Space


def draw_architectures(space: Space, count: int, seed: int) -> list[Genotype]:
    """Returns different random ones; more of them begin with the fewer."""
    rng = ARCHITECTURES.generator(seed)
    found: dict[Genotype, None] = {}
    while len(found) < count:
        found.setdefault(space.random_genotype(rng))
    return list(found)
