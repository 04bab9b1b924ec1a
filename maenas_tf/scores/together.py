"""Networks at their initialisation, several judged at a time."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import threadpoolctl

from maenas_tf.spaces import Genotype

if TYPE_CHECKING:
    from maenas_tf.scores.start import Candidate, Start

# A third finds Python busy with the other two, and each holds all features of
# its network.
_AT_A_TIME = 2


def _num_threads() -> int:
    """Returns how many candidates may be judged at a time."""
    from tensorflow.python.util._pywrap_util_port import IsMklEnabled

    # An eager operation has one kernel for all threads, and that of oneDNN for
    # the gradient of a normalisation ends the process when two are in it (TF
    # 2.21).
    return 1 if IsMklEnabled() else min(_AT_A_TIME, os.cpu_count() or 1)


def judge_together(
    start: Start,
    scores: Sequence[Callable[[Candidate], float]],
    genotypes: Sequence[Genotype],
) -> np.ndarray:
    """Returns the numbers of each of M candidates, [M, scores].

    What several scores look at is computed once for each candidate, and
    forgotten with it.

    Args:
        start: of all candidates.
        scores: each gives a candidate its number.
        genotypes: of the candidates.
    """

    def judge(genotype: Genotype) -> list[float]:
        candidate = start.candidate(genotype)
        return [score(candidate) for score in scores]

    count = _num_threads()
    with (
        # Spectra are of small matrices: the threads of NumPy's library would
        # wait for each other, in loops that keep both cores busy.
        threadpoolctl.threadpool_limits(1, user_api="blas"),
        concurrent.futures.ThreadPoolExecutor(count) as pool,
    ):
        rows = list(pool.map(judge, genotypes))
    return np.array(rows, np.float64).reshape(-1, len(scores))
