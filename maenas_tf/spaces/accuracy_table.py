"""What a table of true accuracies tells of architectures.

A table holds every architecture of a space with one cell type, or of a chain.
A key has a digit for each edge: the index of its primitive. A value is in
percent.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import stats

from maenas_tf.spaces.genotype import Genotype
from maenas_tf.spaces.known import SPACES
from maenas_tf.spaces.space import CellType

AccuracyTable = Mapping[str, float]


def key_of(genotype: Genotype) -> str:
    """Returns the digits under which a table holds an architecture.

    Args:
        genotype: of a space with one cell type.
    """
    kind = _only_kind(genotype.space)
    return "".join(
        str(edge.primitives.index(chosen.primitive))
        for edge, chosen in zip(
            kind.edges, genotype.cells[kind.name], strict=True
        )
    )


def percentile(table: AccuracyTable, genotype: Genotype) -> float:
    """Returns how many of the others are truly worse, in percent.

    The best has 100 and the worst 0.

    Args:
        table: of all of the space.
        genotype: one of it.
    """
    accuracies = np.fromiter(table.values(), np.float64)
    worse = np.count_nonzero(accuracies < table[key_of(genotype)])
    return 100.0 * worse / (len(table) - 1)


def ranking_tau(table: AccuracyTable, weights: np.ndarray, space: str) -> float:
    """Returns how well architecture weights rank a whole space.

    Kendall's tau-b, over all of it, of true accuracy with the probability of
    the architecture where every edge e draws its primitive by itself,

        log P(a) = sum_e log w[e, a[e]].

    The architecture that is read off the weights is one of these, and where
    two candidates are close the seed decides it; their ranking uses all
    weights, so that fewer seeds tell searches apart. Ours.

    Args:
        table: of all of the space.
        weights: softmaxed, [edges, primitives], at least 0: the softmax of
            one that has lost its edge by far is rounded to 0.
        space: name of the space.

    Returns:
        From -1 to 1; 0 where all weights are equal.

    Raises:
        ValueError: the weights have another shape or are below 0.
    """
    kind = _only_kind(space)
    weights = np.asarray(weights, np.float64)
    shape = (kind.num_edges, kind.max_primitives)
    if weights.shape != shape or not (weights >= 0).all():
        raise ValueError(
            f"`weights` must be at least 0 and of the shape {list(shape)}, "
            f"received the shape {list(weights.shape)} with the smallest "
            f"value {weights.min() if weights.size else None}."
        )
    choices = np.array([[int(digit) for digit in key] for key in table])
    # A weight of 0 was too small for float32; how small is not known.
    smallest = np.finfo(np.float32).smallest_subnormal
    logarithms = np.log(np.maximum(weights, smallest))
    scores = logarithms[np.arange(shape[0]), choices].sum(axis=1)
    tau = stats.kendalltau(scores, np.fromiter(table.values(), float)).statistic
    return 0.0 if np.isnan(tau) else float(tau)


def _only_kind(space: str) -> CellType:
    (kind,) = SPACES.get(space).cell_types
    return kind
