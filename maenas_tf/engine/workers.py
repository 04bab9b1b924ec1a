"""What the workers of a strategy tell each other between steps.

A clock or a signal must not decide differently on two of them: whoever went
on alone would wait for the others for ever.
"""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterable, Sequence

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.data.share import Share
from maenas_tf.engine.devices import find_unequal
from maenas_tf.engine.signals import SignalWatch


class Workers:
    """The processes that run a strategy, of which this is one.

    Each method is called by all of them, at the same places; of one worker
    alone it costs nothing.

    Args:
        strategy: any; most have one worker.

    Attributes:
        count: how many there are.
        index: of this one; 0 is the chief.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        self.count, self.index = 1, 0
        resolver = getattr(strategy, "cluster_resolver", None)
        if resolver is not None and resolver.cluster_spec().as_dict():
            self._addresses = resolver.cluster_spec().job_tasks("worker")
            self.count, self.index = len(self._addresses), resolver.task_id

    @property
    def replicas(self) -> int:
        """How many each worker has."""
        return self.strategy.num_replicas_in_sync // self.count

    @property
    def words(self) -> str:
        """How many there are, for messages."""
        text = f"{self.replicas} replica{'s' * (self.replicas > 1)}"
        return text if self.count == 1 else f"{self.count} workers of {text}"

    @property
    def share(self) -> Share:
        """What this worker makes of each batch."""
        return Share(self.count, self.index, self.replicas)

    def gather(self, values: Sequence[float] | np.ndarray) -> np.ndarray:
        """Returns the numbers of all workers.

        Args:
            values: of this one, [N, ...] of int64, float32 or float64; of
                the same shape everywhere.

        Returns:
            [workers, N, ...], the same everywhere.
        """
        row = np.asarray(values)
        if self.count == 1:
            return row[np.newaxis]
        none = np.zeros((self.count, *row.shape), row.dtype)
        own = none.copy()
        own[self.index] = row

        def of_replica(context):
            first = context.replica_id_in_sync_group % self.replicas == 0
            return tf.constant(own if first else none)

        each = self.strategy.experimental_distribute_values_from_function(
            of_replica
        )
        return self.strategy.reduce("SUM", each, axis=None).numpy()

    def part(self, items: np.ndarray) -> np.ndarray:
        """Returns which of them this worker is to see to; all are one's."""
        return np.array_split(items, self.count)[self.index]

    def join(self, own: np.ndarray) -> np.ndarray:
        """Returns what all workers have, [N, ...], in the order of `part`.

        Args:
            own: of this one, [its own N, ...] of a type that `gather` takes.
        """
        if self.count == 1:
            return own
        counts = self.gather([len(own)])[:, 0]
        padded = np.zeros((max(*counts, 1), *own.shape[1:]), own.dtype)
        padded[: len(own)] = own
        rows = self.gather(padded)
        return np.concatenate(
            [row[:count] for row, count in zip(rows, counts, strict=True)]
        )

    def of_chief(self, values: np.ndarray) -> np.ndarray:
        """Returns the chief's numbers; all give as many."""
        return self.gather(values)[0]

    def agree(self, signals: SignalWatch, wanted: bool = False) -> bool:
        """Lets all know of a signal that one has received.

        Args:
            signals: of this worker.
            wanted: what the chief decides.

        Returns:
            What the chief has decided.
        """
        if self.count == 1:
            return wanted
        number = 0
        if signals.received:
            number = signal.Signals[signals.received.split()[0]].value
        rows = self.gather(np.array([number, wanted], np.int64))
        senders = np.flatnonzero(rows[:, 0])
        if not number and len(senders):
            index = int(senders[0])
            name = signal.Signals(int(rows[index, 0])).name
            signals.received = (
                f"{name} at worker {index} ({self._addresses[index]})"
            )
        return bool(rows[0, 1])

    def find_unequal(self, variables: Iterable[keras.Variable]) -> list[str]:
        """Returns the paths of variables that are not the same everywhere.

        Of all replicas of all workers, to the bit.
        """
        variables = list(variables)
        # One replica's difference is known to its own worker only.
        paths = set(find_unequal(self.strategy, variables))
        found = [variable.path in paths for variable in variables]
        if self.count > 1:
            digests = np.array([_digest(v) for v in variables], np.int64)
            rows = self.gather(digests)
            found = self.gather(np.array(found, np.int64)).any(axis=0)
            found |= (rows != rows[0]).any(axis=0)
        return [
            variable.path
            for variable, differs in zip(variables, found, strict=True)
            if differs
        ]


def _digest(variable: keras.Variable) -> int:
    content = variable.numpy().tobytes()
    found = hashlib.blake2b(content, digest_size=8).digest()
    return int.from_bytes(found, "little", signed=True)


def mean_of_workers(strategy: tf.distribute.Strategy, seconds: float) -> float:
    """Returns the mean of the times that workers have taken, everywhere."""
    if strategy.num_replicas_in_sync == 1:
        return seconds
    each = strategy.run(lambda: tf.constant(seconds, tf.float64))
    return float(strategy.reduce("MEAN", each, axis=None))
