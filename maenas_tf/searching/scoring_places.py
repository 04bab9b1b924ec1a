"""Where candidates are scored: in this process, or on the nodes of a cluster.

Scores are the same to the bit, in whichever place and order.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from maenas_tf.engine.console import say
from maenas_tf.engine.workers import Workers
from maenas_tf.executors import Pool
from maenas_tf.scores import Score
from maenas_tf.scores.joint import JointScore
from maenas_tf.searching.node_scorer import make_chunk_scorer
from maenas_tf.spaces import Genotype
from maenas_tf.spaces.architectures import EdgeWeights

# Candidates of one call of the graph: as many as take about so long, so that
# a signal and the progress bar need not wait.
_CHUNK_SECONDS = 2.0
# Of one call on a node, which may be lost with it.
_CHUNK_ON_NODES = 4

Scorer = Score | JointScore
PoolMaker = Callable[..., Pool]


@dataclasses.dataclass(frozen=True)
class Item:
    """What is to be scored.

    Attributes:
        key: in its table.
        weights: makes its edge weights.
        genotype: of an architecture; None of a mixture.
        more: makes further columns of its row.
    """

    key: str
    weights: Callable[[], EdgeWeights]
    genotype: Genotype | None = None
    more: Callable[[], dict[str, Any]] = dict


def _stacked(items: Sequence[Item]) -> dict[str, np.ndarray]:
    weights = [item.weights() for item in items]
    return {kind: np.stack([w[kind] for w in weights]) for kind in weights[0]}


class ScoringHere:
    """Scores in this process, or all workers by the chief's numbers.

    Args:
        scorer: gives the scores.
        workers: that score together.
    """

    def __init__(self, scorer: Scorer, workers: Workers):
        self._scorer = scorer
        self._workers = workers
        self._item_seconds: float | None = None

    @property
    def num_images(self) -> int:
        """How many candidates are judged by."""
        return self._scorer.num_images

    def results(
        self, items: Sequence[Item], watch: Callable[[], None]
    ) -> Iterator[tuple[Sequence[Item], np.ndarray]]:
        """Yields items with their scores, [items, scores], as they come.

        Args:
            items: to score.
            watch: called now and then; what it raises ends the scoring.
        """
        del watch  # Who is given results is at work as often.
        left = list(items)
        while left:
            count = 1
            if self._item_seconds is not None:
                count = max(1, int(_CHUNK_SECONDS / self._item_seconds))
            (count,) = self._workers.of_chief([count])
            yield left[:count], self._score(left[:count])
            left = left[count:]

    def _score(self, items: Sequence[Item]) -> np.ndarray:
        begin = time.monotonic()
        genotypes = [item.genotype for item in items if item.genotype]
        numbers = self._scorer(_stacked(items), genotypes)
        numbers = self._workers.of_chief(np.reshape(numbers, [len(items), -1]))
        # The first call traces; it says nothing about the pace.
        first = self._item_seconds is None
        seconds = (time.monotonic() - begin) / len(items)
        self._item_seconds = 0.5 if first else seconds
        return numbers

    def close(self) -> None:
        """Leaves nothing behind."""


class ScoringOnNodes:
    """Scores on the nodes of a cluster, which is joined when it is needed.

    Args:
        make_pool: makes the workers.
        facts: the arguments of `make_chunk_scorer`.
        num_images: tells how many images candidates are judged by.
    """

    def __init__(
        self,
        make_pool: PoolMaker,
        facts: Sequence[Any],
        num_images: Callable[[], int],
    ):
        self._make_pool = make_pool
        self._facts = facts
        self._num_images = num_images
        self._closing = contextlib.ExitStack()
        self._pool: Pool | None = None

    @property
    def num_images(self) -> int:
        """How many candidates are judged by."""
        return self._num_images()

    def results(
        self, items: Sequence[Item], watch: Callable[[], None]
    ) -> Iterator[tuple[Sequence[Item], np.ndarray]]:
        """See `ScoringHere`; in whichever order chunks are done."""
        if not items:
            return
        if self._pool is None:
            self._pool = self._closing.enter_context(
                self._make_pool(make_chunk_scorer, *self._facts)
            )
            if self._pool.note:
                say(f"note: {self._pool.note}")
        chunks = [
            items[i : i + _CHUNK_ON_NODES]
            for i in range(0, len(items), _CHUNK_ON_NODES)
        ]
        calls = [
            (
                [i.genotype.to_json() for i in chunk if i.genotype],
                _stacked(chunk),
            )
            for chunk in chunks
        ]
        for place, numbers in self._pool.results(calls, watch):
            yield chunks[place], numbers

    def close(self) -> None:
        """Ends the workers, whatever they are at."""
        self._closing.close()
