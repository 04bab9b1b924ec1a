"""Tests of `maenas_tf.engine.workers`, with threads for workers."""

import concurrent.futures
import threading
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.engine.signals import SignalWatch
from maenas_tf.engine.workers import Workers

ADDRESSES = ("a:1", "b:1", "c:1")


class Strategy:
    """One replica of a cluster whose workers are threads."""

    def __init__(self, index, slots, barrier):
        self.index, self.slots, self.barrier = index, slots, barrier
        self.num_replicas_in_sync = len(slots)
        spec = types.SimpleNamespace(
            as_dict=lambda: {"worker": ADDRESSES},
            job_tasks=lambda job: ADDRESSES,
        )
        self.cluster_resolver = types.SimpleNamespace(
            cluster_spec=lambda: spec, task_id=index
        )

    def experimental_distribute_values_from_function(self, function):
        context = types.SimpleNamespace(replica_id_in_sync_group=self.index)
        return function(context)

    def experimental_local_results(self, value):
        return (value,)

    def reduce(self, how, value, axis):
        assert (how, axis) == ("SUM", None)
        self.slots[self.index] = value
        self.barrier.wait(20)
        total = tf.add_n(list(self.slots))
        self.barrier.wait(20)
        return total


def together(function):
    """Calls function(workers) on three workers; returns what each returns."""
    slots, barrier = [None] * 3, threading.Barrier(3)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(
            pool.map(
                lambda index: function(
                    Workers(Strategy(index, slots, barrier))
                ),
                range(3),
            )
        )


def test_all_get_the_numbers_of_all():
    low = np.iinfo(np.int64).min
    found = together(lambda w: w.gather(np.array([w.index, low + w.index])))
    for rows in found:
        np.testing.assert_array_equal(
            rows, [[0, low], [1, low + 1], [2, low + 2]]
        )


def test_the_chief_decides():
    def decide(workers):
        return workers.agree(SignalWatch(), workers.index == 1), workers.agree(
            SignalWatch(), workers.index == 0
        )

    assert together(decide) == [(False, True)] * 3


def test_a_signal_of_one_worker_stops_all():
    def stop(workers):
        signals = SignalWatch()
        if workers.index == 1:
            signals.received = "SIGTERM"
        workers.agree(signals)
        # All know by now, and none is told anew.
        workers.agree(signals)
        return signals.received

    at_another = "SIGTERM at worker 1 (b:1)"
    assert together(stop) == [at_another, "SIGTERM", at_another]


@pytest.mark.parametrize("last", [1.0, np.nextafter(np.float32(1), 2)])
def test_a_variable_that_differs_by_a_bit_is_named_everywhere(last):
    values = [keras.Variable(1.0, name=f"equal_{i}") for i in range(3)]
    others = [
        keras.Variable(value, name="tested") for value in (1.0, 1.0, last)
    ]
    found = together(
        lambda w: w.find_unequal([values[w.index], others[w.index]])
    )
    # Each names its own variable of that place.
    names = [["tested"]] * 3 if last != 1.0 else [[]] * 3
    assert found == names


def test_one_worker_alone_asks_nobody():
    workers = Workers(tf.distribute.get_strategy())
    signals = SignalWatch()
    signals.received = "SIGINT"
    assert workers.agree(signals, True)
    assert signals.received == "SIGINT"
    np.testing.assert_array_equal(workers.gather([1, 2]), [[1, 2]])
    assert workers.words == "1 replica"
