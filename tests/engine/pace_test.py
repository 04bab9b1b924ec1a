"""Tests of `maenas_tf.engine.pace`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.engine.pace import Pace


class Workers:
    """Two workers, each of which took another time."""

    num_replicas_in_sync = 2

    def __init__(self, other):
        self.other = other

    def run(self, function):
        return float(function()), self.other

    def reduce(self, how, values, axis):
        return {"MEAN": np.mean}[how](values)


def decided(pace, seconds, mode="mode"):
    """Returns how many steps a call has at first, amid timing and then."""
    counts = []
    for one in seconds:
        counts.append(pace.steps(mode))
        pace.note(mode, one)
    return [*counts, pace.steps(mode)]


def test_a_call_takes_as_long_as_the_steps_timed_before():
    pace = Pace(tf.distribute.get_strategy(), 1.0)
    # The first traces and counts for nothing; 0.3 + 0.3 + 0.4 are a second.
    assert decided(pace, [9.0, 0.3, 0.3, 0.4]) == [1, 1, 1, 1, 3]


def test_what_is_decided_stays_whatever_later_calls_take():
    pace = Pace(tf.distribute.get_strategy(), 0.5)
    assert decided(pace, [9.0, 0.25, 0.25, 0.001, 50.0])[-3:] == [2, 2, 2]


def test_each_graph_has_its_own_pace():
    pace = Pace(tf.distribute.get_strategy(), 1.0)
    assert decided(pace, [9.0, 0.5, 0.5], "weights")[-1] == 2
    assert decided(pace, [9.0, 5.0], "both") == [1, 1, 1]
    assert pace.steps("weights") == 2


@pytest.mark.parametrize(("own", "other"), [(0.1, 0.9), (0.9, 0.1)])
def test_workers_of_unequal_speed_decide_alike(own, other):
    pace = Pace(Workers(other), 1.0)
    assert decided(pace, [9.0, own, own])[-1] == 2
