"""Which part of each batch a process makes, where several share it out.

Rooms above say it; who makes batches need not know of them. As what comes
before the pixels is indices and seeds, the others' images are never read.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Share:
    """One worker's part of each batch.

    A batch falls into as many pieces as there are replicas, one after
    another, those of a worker next to each other.

    Attributes:
        workers: that share a batch.
        worker: which of them this is, from 0.
        replicas: of each worker.
    """

    workers: int = 1
    worker: int = 0
    replicas: int = 1

    def batch_size(self, batch_size: int) -> int:
        """Returns the images of a replica in a step.

        Raises:
            ValueError: the replicas would not have as many.
        """
        count = self.workers * self.replicas
        if batch_size % count:
            raise ValueError(
                f"batch_size={batch_size} cannot be shared equally by {count} "
                f"replicas; give a multiple of {count}."
            )
        return batch_size // count

    def rows(self, tables: Any, batch_size: int) -> Any:
        """Returns this worker's rows of tables of an epoch.

        Args:
            tables: a structure of arrays [N, ...]; a last batch that is not
                full is left out where several share.
            batch_size: of all workers together.
        """
        if self.workers == 1:
            return tables
        own = self.batch_size(batch_size) * self.replicas

        def take(table):
            steps = len(table) // batch_size
            places = np.arange(steps * batch_size).reshape(steps, batch_size)
            begin = self.worker * own
            return table[places[:, begin : begin + own].reshape(-1)]

        return tf.nest.map_structure(take, tables)


WHOLE = Share()
# The part, and a list that gets an item when a data set has been made so.
_present: contextvars.ContextVar[tuple[Share, list[bool]]] = (
    contextvars.ContextVar("share", default=(WHOLE, []))
)


def present_share() -> Share:
    """Returns the part of each batch that is to be made, by who makes it."""
    share, made = _present.get()
    made[:] = [True]
    return share


@contextlib.contextmanager
def sharing(share: Share) -> Iterator[list[bool]]:
    """Has the data sets of a `with` block make a part of each batch.

    Args:
        share: the part; a batch is then that of one replica.

    Yields:
        What is empty for as long as no data set has been made so.
    """
    made: list[bool] = []
    token = _present.set((share, made))
    try:
        yield made
    finally:
        _present.reset(token)
