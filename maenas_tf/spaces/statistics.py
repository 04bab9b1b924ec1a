"""Numbers that describe where a search stands. Pure functions."""

from __future__ import annotations

import numpy as np

from maenas_tf.spaces import Genotype

POOLS = ("max_pool_3x3", "avg_pool_3x3")
SKIP = "skip_connect"

_CAUTION = (
    "Few skips is not accuracy, though, nor many its proof: train the cell "
    "before you judge it."
)


def entropy(weights: np.ndarray) -> float:
    """Returns the mean over edges of the entropy of the weights, in nats.

    H = -(1/E) sum_e sum_p w[e, p] ln w[e, p], with 0 ln 0 = 0: ln P when all
    P primitives weigh the same, 0 when each edge has decided.

    Args:
        weights: softmaxed weights, [edges, primitives]; unused columns 0.

    Returns:
        The entropy in nats.

    Raises:
        ValueError: `weights` is not a non-empty matrix of numbers >= 0.
    """
    weights = np.asarray(weights, dtype=np.float64)
    if weights.ndim != 2 or not weights.size or not (weights >= 0).all():
        raise ValueError(
            f"`weights` must be softmaxed weights (>= 0) of the shape [edges, "
            f"primitives], received the shape {list(weights.shape)} with the "
            f"smallest value {weights.min() if weights.size else None}."
        )
    logarithms = np.log(np.where(weights > 0, weights, 1.0))
    return float(-(weights * logarithms).sum(axis=1).mean())


def count_skips(genotype: Genotype) -> dict[str, int]:
    """Returns the number of skip connections for each cell type."""
    return _count(genotype, (SKIP,))


def count_pools(genotype: Genotype) -> dict[str, int]:
    """Returns the number of pooling operations for each cell type."""
    return _count(genotype, POOLS)


def _count(genotype: Genotype, primitives: tuple[str, ...]) -> dict[str, int]:
    return {
        cell_type: sum(edge.primitive in primitives for edge in edges)
        for cell_type, edges in genotype.cells.items()
    }


def collapse_warning(genotype: Genotype) -> str | None:
    """Returns a sentence when parameter-free operations have taken over.

    Two-input cells (DARTS and its reduced spaces) are judged by their normal
    cell: half of the edges skip, or all pool; their reduction cells
    pool in good architectures too. Other cells (NAS-Bench-201) are judged by
    all edges: two thirds skip, pool or are cut. The thresholds are ours.

    Args:
        genotype: the architecture.

    Returns:
        The warning, or None.
    """
    two_inputs = "normal" in genotype.cells
    name = "normal" if two_inputs else next(iter(genotype.cells))
    edges = genotype.cells[name]
    skips = count_skips(genotype)[name]
    pools = count_pools(genotype)[name]
    total = len(edges)
    if two_inputs:
        if 2 * skips >= total:
            what = f"{skips} of {total} edges of the normal cell skip"
        elif pools == total:
            what = f"all {total} edges of the normal cell pool"
        else:
            return None
    else:
        cut = sum(edge.primitive == "none" for edge in edges)
        if 3 * (skips + pools + cut) < 2 * total:
            return None
        what = (
            f"{skips + pools + cut} of {total} edges of the {name} have no "
            f"parameters ({skips} skip, {pools} pool, {cut} cut)"
        )
    return f"The search may have collapsed: {what}. {_CAUTION}"
