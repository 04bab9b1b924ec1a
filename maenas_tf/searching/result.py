"""What a search found."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from maenas_tf.spaces import Genotype


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        genotype: the architecture.
        history: a row an epoch, as in history.csv; none where nothing is
            trained. Of several restarts history and alphas are the mean.
        alphas: cell type to architecture parameters, before the softmax,
            [epochs, edges, primitives]; empty where the algorithm has none.
        summary: as in summary.json.
    """

    genotype: Genotype
    history: list[dict[str, Any]]
    alphas: dict[str, np.ndarray]
    summary: dict[str, Any]
