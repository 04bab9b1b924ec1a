"""Tests of `maenas_tf.engine.forecast`."""

from __future__ import annotations

import pytest

from maenas_tf.engine.forecast import Forecast

# Two epochs of weights alone, then two of both levels.
PHASES = {0: "weights", 1: "weights", 2: "both", 3: "both"}


def test_nothing_is_told_before_each_phase_has_been_timed():
    forecast = Forecast(10, PHASES)
    assert forecast.seconds_left(0, 0) is None
    for _ in range(2):
        forecast.note("weights", 1, 1.0)
    assert forecast.seconds_left(0, 0) is None


def test_steps_of_each_phase_take_their_own_time_and_tracing_none():
    forecast = Forecast(10, PHASES)
    for mode, seconds in (("weights", 1.0), ("both", 3.0)):
        forecast.note(mode, 1, 60.0)  # traces
        forecast.note(mode, 2, 2 * seconds)
    assert forecast.seconds_left(0, 0) == pytest.approx(20 * 1 + 20 * 3)
    assert forecast.seconds_left(1, 4) == pytest.approx(6 * 1 + 20 * 3)
    assert forecast.seconds_left(3, 10) == pytest.approx(0.0)
    # A run that goes on in the second half knows nothing of the first.
    late = Forecast(10, {2: "both", 3: "both"})
    late.note("both", 1, 60.0)
    late.note("both", 1, 3.0)
    assert late.seconds_left(2, 0) == pytest.approx(60.0)


def test_what_epochs_end_with_is_foreseen():
    forecast = Forecast(10, {0: "one", 1: "one"})
    forecast.note("one", 1, 60.0)
    forecast.note("one", 1, 1.0)
    forecast.note_end(5.0)
    assert forecast.seconds_left(1, 0) == pytest.approx(10.0 + 5.0)


def test_epochs_of_later_networks_are_taken_for_as_long_as_these():
    forecast = Forecast(10, PHASES, later_epochs=4)
    for mode, seconds in (("weights", 1.0), ("both", 3.0)):
        forecast.note(mode, 1, 60.0)
        forecast.note(mode, 1, seconds)
    assert forecast.seconds_left(0, 0) == pytest.approx(80.0 + 80.0)


def test_the_pace_is_that_of_the_last_minutes():
    forecast = Forecast(1, {0: "one"})
    forecast.note("one", 1, 60.0)
    for seconds in [100.0] * 5 + [10.0] * 40:
        forecast.note("one", 1, seconds)
    assert forecast.seconds_left(0, 0) == pytest.approx(10.0, rel=0.1)


def test_what_a_loop_over_the_same_graphs_has_timed_is_known():
    before = Forecast(10, PHASES)
    for mode, seconds in (("weights", 1.0), ("both", 3.0)):
        before.note(mode, 1, 60.0)
        before.note(mode, 1, seconds)
    forecast = Forecast(10, PHASES, 4, before)
    assert forecast.seconds_left(0, 0) == pytest.approx(80.0 + 80.0)
    # No call of its own traces.
    forecast.note("weights", 1, 3.0)
    assert forecast.seconds_left(1, 0) == pytest.approx(10 * 2 + 60 + 4 * 25)
