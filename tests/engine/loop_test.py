"""Tests of `maenas_tf.engine.loop`, with a searcher of one number.

The real one runs in this loop in replicas_test.py and searcher_test.py.
"""

from __future__ import annotations

import itertools
import math
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.engine.checkpoints import RunCheckpoint
from maenas_tf.engine.loop import Diverged, Loop, cosine_rate
from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.engine.step_runner import StepRunner

EPOCHS, STEPS = 3, 7


class Searcher:
    """Folds the batches into a number that depends on their order."""

    rate_settings = ("weight_learning_rate", "alpha_learning_rate")

    def __init__(self):
        self.update_alphas = True
        self.value = keras.Variable(0.0, dtype="float64", name="value")
        self.num_traces = 0

    @property
    def variable_groups(self):
        return {"model": [self.value]}

    @property
    def mode(self):
        return self.update_alphas

    @property
    def metric_keys(self):
        return ("alpha_loss", "weight_loss")[not self.update_alphas :]

    def train_step(self, batch):
        self.num_traces += 1
        self.value.assign(0.5 * self.value + tf.cast(batch, tf.float64))
        metrics = {"weight_loss": tf.cast(batch, tf.float32)}
        if self.update_alphas:
            metrics["alpha_loss"] = tf.cast(2.0 * batch, tf.float32)
        return metrics


class Glutton(Searcher):
    """Asks for petabytes at one of the numbers, the third at first."""

    too_much = 102.0

    def train_step(self, batch):
        size = tf.where(batch == self.too_much, 100_000, 1)
        much = tf.random.stateless_normal([size] * 3, [0, 0])
        return super().train_step(
            batch + 0.0 * tf.cast(much[0, 0, 0], batch.dtype)
        )


def make_dataset(epoch, start_step):
    """Returns the rest of an epoch's numbers; no two are equal."""
    numbers = np.arange(STEPS) + 100.0 * (epoch + 1)
    return tf.data.Dataset.from_tensor_slices(numbers[start_step:])


def make_loop(directory, searcher=None, dataset=make_dataset, **settings):
    searcher = searcher or Searcher()
    ends = []
    settings = {
        "start_epoch": lambda epoch: None,
        "end_epoch": lambda epoch, means, seconds: ends.append((epoch, means)),
        **settings,
    }
    loop = Loop(
        StepRunner(searcher, tf.distribute.get_strategy()),
        RunCheckpoint(directory, searcher.variable_groups),
        dataset,
        epochs=EPOCHS,
        steps=STEPS,
        **settings,
    )
    return loop, searcher, ends


def expected_value():
    value = 0.0
    for epoch in range(EPOCHS):
        for number in make_dataset(epoch, 0).as_numpy_iterator():
            value = 0.5 * value + number
    return value


def test_the_rate_falls_by_half_a_cosine():
    assert cosine_rate(0.025, 0.001, 0, 50) == 0.025
    assert cosine_rate(0.025, 0.001, 25, 50) == pytest.approx(0.013)
    assert cosine_rate(0.025, 0.001, 50, 50) == pytest.approx(0.001)
    expected = 0.001 + 0.024 * 0.5 * (1 + math.cos(0.2 * math.pi))
    assert cosine_rate(0.025, 0.001, 10, 50) == pytest.approx(expected)
    rates = [cosine_rate(1.0, 0.0, epoch, 10) for epoch in range(10)]
    assert rates == sorted(rates, reverse=True)


def test_the_runner_sums_the_metrics_of_its_steps():
    searcher = Searcher()
    runner = StepRunner(searcher, tf.distribute.get_strategy())
    iterator = iter(make_dataset(0, 0))
    first = runner(iterator, 2)
    assert first == {
        "alpha_loss": 402.0,
        "weight_loss": 201.0,
        "num_finite": 2,
    }
    second = runner(iterator, 3)
    assert second["weight_loss"] == 102 + 103 + 104
    assert searcher.num_traces == 1
    searcher.update_alphas = False
    third = runner(iterator, 1)
    assert third == {"weight_loss": 105.0, "num_finite": 1}


def test_the_graph_of_a_step_hands_no_variable_to_a_loop():
    """Of a supernet's thousand variables that puts off the first step."""
    runner = StepRunner(Searcher(), tf.distribute.get_strategy())
    iterator = iter(make_dataset(0, 0))
    runner(iterator, 2)
    (function,) = runner._functions.values()
    graph = function.get_concrete_function(iterator).graph
    kinds = {operation.type for operation in graph.get_operations()}
    assert "IteratorGetNext" in kinds
    assert not [kind for kind in kinds if "While" in kind]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("at", [0, 2])
def test_the_runner_stops_at_a_loss_that_is_not_finite(bad, at):
    numbers = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    numbers[at] = bad
    iterator = iter(tf.data.Dataset.from_tensor_slices(numbers))
    runner = StepRunner(Searcher(), tf.distribute.get_strategy())
    results = runner(iterator, 4)
    assert results["num_finite"] == at
    assert not math.isfinite(results["weight_loss"])
    # What follows was not touched.
    assert next(iterator) == numbers[at + 1]


@pytest.mark.parametrize(
    ("seconds", "counts"),
    [
        (0.0, [1] * STEPS * EPOCHS),
        # After the call that traces, three steps are timed.
        (2.9, [1, 1, 1, 1, 3, 3, 3, 1, 3, 3, 1]),
    ],
)
def test_how_steps_are_grouped_does_not_change_the_result(
    tmp_path, monkeypatch, seconds, counts
):
    ticks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    loop, searcher, ends = make_loop(tmp_path, chunk_seconds=seconds)
    runner, found = loop.runner, []

    def counting(iterator, count):
        found.append(count)
        return runner(iterator, count)

    counting.strategy, counting.model = runner.strategy, searcher
    loop.runner = counting
    state = loop.run()
    assert found == counts
    assert searcher.value.numpy() == expected_value()
    assert (state["epoch"], state["step"]) == (EPOCHS, 0)
    mean = 103.0
    assert ends == [
        (e, {"alpha_loss": 2 * (mean + 100 * e), "weight_loss": mean + 100 * e})
        for e in range(EPOCHS)
    ]


def phased(searcher):
    """Returns what lets the second parameter move from epoch 2 on."""

    def start_epoch(epoch):
        searcher.update_alphas = epoch >= 1

    return start_epoch


def test_a_later_phase_is_rehearsed_before_the_first_step(tmp_path):
    searcher = Searcher()
    loop, _, ends = make_loop(
        tmp_path, searcher, start_epoch=phased(searcher), chunk_seconds=0.0
    )
    runner, found = loop.runner, []

    def watching(iterator, count):
        found.append((searcher.mode, float(searcher.value)))
        return runner(iterator, count)

    watching.strategy, watching.model = runner.strategy, searcher
    loop.runner = watching
    loop.run()
    rehearsed = 2  # A call that traces, and one that is timed.
    modes = [mode for mode, _ in found]
    assert modes[:rehearsed] == [True] * rehearsed
    assert modes[rehearsed:] == [False] * STEPS + [True] * 2 * STEPS
    # It left nothing behind, and nothing was traced twice.
    assert found[rehearsed] == (False, 0.0)
    assert searcher.value.numpy() == expected_value()
    assert searcher.num_traces == 2
    assert [epoch for epoch, _ in ends] == list(range(EPOCHS))


def test_a_rehearsal_beyond_the_memory_ends_before_the_first_step(tmp_path):
    searcher = Glutton()
    searcher.too_much = 202.0
    loop, _, ends = make_loop(
        tmp_path,
        searcher,
        start_epoch=phased(searcher),
        chunk_seconds=1e9,
    )
    with pytest.raises(ConfigError, match="epoch 1; no checkpoint"):
        loop.run()
    assert loop.state["step"] == 0
    assert ends == []


def test_a_signal_ends_a_rehearsal(tmp_path):
    watch, searcher = SignalWatch(), Searcher()
    loop, _, _ = make_loop(
        tmp_path,
        searcher,
        signals=watch,
        start_epoch=phased(searcher),
        chunk_seconds=1e9,
    )
    watch.received = "SIGTERM"
    with pytest.raises(Interrupted, match="epoch 1 after step"):
        loop.run()
    assert searcher.num_traces <= 2


def test_the_time_it_will_take_is_said_once_and_holds(
    tmp_path, monkeypatch, capsys
):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    searcher = Searcher()
    loop, _, _ = make_loop(
        tmp_path,
        searcher,
        start_epoch=phased(searcher),
        chunk_seconds=1.5,
    )
    runner, traced = loop.runner, set()

    def slow(iterator, count):
        now[0] += count * (3.0 if searcher.update_alphas else 1.0)
        now[0] += 0.0 if searcher.mode in traced else 1000.0
        traced.add(searcher.mode)
        return runner(iterator, count)

    slow.strategy, slow.model = runner.strategy, searcher
    loop.runner = slow
    loop.run()
    said = [x for x in capsys.readouterr().out.splitlines() if "about" in x]
    # Of 7 + 7 + 7 steps the first has traced, two have been timed.
    assert said == ["about 00:46 for the 18 steps that are left"]


def test_divergence_names_metric_epoch_step_and_checkpoint(tmp_path):
    def dataset(epoch, start_step):
        numbers = np.ones(STEPS)
        numbers[4] = math.nan if epoch == 1 else 1.0
        return tf.data.Dataset.from_tensor_slices(numbers[start_step:])

    loop, _, ends = make_loop(tmp_path, dataset=dataset)
    with pytest.raises(
        Diverged,
        match=r"alpha_loss, weight_loss.*epoch 2, step 5 of 7.*ckpt-1\..*"
        r"--weight_learning_rate.*--clip_norm",
    ):
        loop.run()
    assert [epoch for epoch, _ in ends] == [0]


def test_divergence_without_a_checkpoint_says_so(tmp_path):
    loop, _, _ = make_loop(
        tmp_path,
        dataset=lambda *_: tf.data.Dataset.from_tensor_slices([math.nan] * 7),
    )
    with pytest.raises(Diverged, match="step 1 of 7; no checkpoint"):
        loop.run()


def test_a_last_step_that_spoils_a_variable_is_not_saved(tmp_path):
    # Its loss, taken before the update, is finite.
    loop, searcher, ends = make_loop(tmp_path)
    original = searcher.train_step

    def train_step(batch):
        metrics = original(batch)
        last = tf.equal(batch, 200.0 + STEPS - 1)
        spoilt = tf.where(last, math.inf, 0.0)
        searcher.value.assign(searcher.value + tf.cast(spoilt, tf.float64))
        return metrics

    searcher.train_step = train_step
    with pytest.raises(Diverged, match="value.*epoch 2, step 7 of 7.*ckpt-1"):
        loop.run()
    assert [epoch for epoch, _ in ends] == [0]
    assert loop.checkpoint.latest.endswith("ckpt-1")


def test_a_step_beyond_the_memory_ends_in_advice_and_loses_nothing(tmp_path):
    loop, _, _ = make_loop(tmp_path, Glutton(), chunk_seconds=0.0)
    path = loop.save()
    with pytest.raises(ConfigError, match="smaller --batch_size") as caught:
        loop.run()
    assert path in str(caught.value)
    assert "--recompute" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert make_loop(tmp_path)[0].restore()


@pytest.mark.parametrize("stop_at", [(0, 0), (1, 3), (2, STEPS - 1)])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path, stop_at):
    watch = SignalWatch()
    searcher = Searcher()
    original = StepRunner(searcher, tf.distribute.get_strategy())
    loop, _, first_ends = make_loop(
        tmp_path, searcher, signals=watch, chunk_seconds=0.0
    )

    def runner(iterator, count):
        if (loop.state["epoch"], loop.state["step"]) == stop_at:
            watch.received = "SIGTERM"
        return original(iterator, count)

    runner.strategy, runner.model = original.strategy, searcher
    loop.runner = runner
    with pytest.raises(
        Interrupted,
        match=rf"SIGTERM in epoch {stop_at[0] + 1} after step "
        rf"{stop_at[1] + 1} of 7; wrote .*ckpt",
    ):
        loop.run()

    loop, searcher, ends = make_loop(tmp_path)
    assert loop.restore()
    assert (loop.state["epoch"], loop.state["step"]) == (
        stop_at[0],
        stop_at[1] + 1,
    )
    state = loop.run()
    assert searcher.value.numpy() == expected_value()
    assert [e for e, _ in (*first_ends, *ends)] == list(range(EPOCHS))
    for epoch, means in (*first_ends, *ends):
        assert means["weight_loss"] == pytest.approx(103.0 + 100 * epoch)
    assert state["epoch"] == EPOCHS


def test_long_epochs_are_saved_in_the_middle(tmp_path):
    loop, _, _ = make_loop(tmp_path, checkpoint_seconds=-1.0, chunk_seconds=0.0)
    saved = []
    original = loop.checkpoint.save
    loop.checkpoint.save = lambda state: (
        saved.append((state["epoch"], state["step"])) or original(state)
    )
    loop.run()
    assert [s for s in saved if s[0] == 0] == [
        (0, step) for step in range(1, STEPS + 1)
    ]
    assert saved[-1] == (EPOCHS, 0)


def test_nothing_is_left_to_do_after_the_last_epoch(tmp_path):
    make_loop(tmp_path)[0].run()
    loop, searcher, ends = make_loop(tmp_path)
    assert loop.restore()
    loop.run()
    assert searcher.value.numpy() == expected_value()
    assert ends == []
