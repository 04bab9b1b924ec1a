"""The training loop: steps in the graph, everything else between them."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import keras
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data.share import WHOLE, sharing
from maenas_tf.engine.checkpoints import RunCheckpoint
from maenas_tf.engine.console import ProgressBar, clock, say
from maenas_tf.engine.forecast import Forecast
from maenas_tf.engine.iterators import iterate
from maenas_tf.engine.pace import Pace
from maenas_tf.engine.rehearsal import rehearse
from maenas_tf.engine.restart import ONLY_ONE, Restart
from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.engine.workers import Workers
from maenas_tf.ops.replica import synchronizes_statistics


class Diverged(Exception):
    """The loss is not finite any more."""


class DriftedApart(Diverged):
    """The replicas do not hold the same values any more."""


def cosine_rate(initial: float, final: float, epoch: int, epochs: int) -> float:
    """Returns the learning rate of an epoch, annealed by half a cosine.

    final + (initial - final) (1 + cos(pi epoch / epochs)) / 2
    """
    share = (1.0 + math.cos(math.pi * epoch / epochs)) / 2.0
    return final + (initial - final) * share


class Loop:
    """Runs the epochs of a training, resumably.

    Args:
        runner: runs steps.
        checkpoint: of everything that changes.
        make_dataset: (epoch, start_step) to the rest of the epoch's batches,
            a function of these two alone.
        start_epoch: called with an epoch before it; sets rates and phases.
        end_epoch: called with (epoch, means of the metrics, seconds).
        epochs: how many.
        steps: of an epoch.
        signals: looked at between calls of the graph.
        checkpoint_seconds: write at least so often, in the middle of long
            epochs.
        chunk_seconds: how long a call of the graph is to take (see `Pace`).
        images_per_step: for the progress bar, or None.
        first_epoch: how many epochs, of other loops, came before.
        all_epochs: how many there are with those of other loops; 0 means
            `epochs`.
        restart: which of several runs of so many epochs this is.
        before: a loop over the same runner; its graphs are traced, and what
            it has timed need not be timed anew.
    """

    def __init__(
        self,
        runner: StepRunner,
        checkpoint: RunCheckpoint,
        make_dataset: Callable[[int, int], tf.data.Dataset],
        start_epoch: Callable[[int], None],
        end_epoch: Callable[[int, dict[str, float], float], None],
        epochs: int,
        steps: int,
        signals: SignalWatch | None = None,
        checkpoint_seconds: float = 600.0,
        chunk_seconds: float = 2.0,
        images_per_step: Callable[[], int] | None = None,
        first_epoch: int = 0,
        all_epochs: int = 0,
        restart: Restart = ONLY_ONE,
        before: Loop | None = None,
    ):
        self.runner = runner
        self.checkpoint = checkpoint
        self.make_dataset = make_dataset
        self.start_epoch = start_epoch
        self.end_epoch = end_epoch
        self.epochs = epochs
        self.steps = steps
        self.images_per_step = images_per_step
        self.first_epoch = first_epoch
        self.all_epochs = all_epochs or epochs
        self.workers = Workers(runner.strategy)
        self.signals = signals or SignalWatch()
        self.checkpoint_seconds = checkpoint_seconds
        self.chunk_seconds = chunk_seconds
        self.restart = restart
        self.pace = Pace(runner.strategy, chunk_seconds)
        self._forecast_before: Forecast | None = None
        if before is not None:
            self.pace = before.pace
            self._forecast_before = before.forecast
        # Set by whoever knows, in `end_epoch`, that no epoch is to follow.
        self.ended = False
        self.forecast: Forecast | None = None
        self._foretold = False
        self.state = {
            "epoch": 0,
            "step": 0,
            "totals": {},
            "epoch_seconds": 0.0,
            "seconds": 0.0,
            "first_step_seconds": None,
            "replicas": self.workers.words,
        }

    def run(self, until: int | None = None) -> dict[str, Any]:
        """Runs what is left; returns the counters.

        Args:
            until: end after so many epochs; None runs them all.

        Raises:
            Interrupted: a signal came; a checkpoint was written.
            Diverged: a loss was not finite; the last checkpoint stands.
            ConfigError: a step needs more memory than there is; so does it.
        """
        state = self.state
        until = self.epochs if until is None else until
        if self.ended or state["epoch"] >= until:
            return state
        with ProgressBar(
            self.restart.count * self.all_epochs * self.steps,
            self._steps_done,
        ) as bar:
            if self.forecast is None:
                self._look_ahead()
            while state["epoch"] < until and not self.ended:
                self._run_epoch(bar)
        return state

    @property
    def shown_epoch(self) -> int:
        """The present epoch, counted through and from 1."""
        return self.first_epoch + self.state["epoch"] + 1

    @property
    def place(self) -> str:
        """The present epoch in words, with the restart if there are any."""
        return f"{self.restart.words}epoch {self.shown_epoch}"

    @property
    def _steps_done(self) -> int:
        """Steps of all restarts and loops that are done."""
        epochs = self.restart.number * self.all_epochs + self.shown_epoch - 1
        return epochs * self.steps + self.state["step"]

    def _look_ahead(self) -> None:
        """Finds the phases to come; rehearses those it cannot know yet."""
        present, modes = self.state["epoch"], {}
        for epoch in range(present, self.epochs):
            self.start_epoch(epoch)
            modes[epoch] = self.runner.model.mode
        later = self.all_epochs - self.first_epoch - self.epochs
        later += self.restart.num_later * self.all_epochs
        self.forecast = Forecast(
            self.steps, modes, later, self._forecast_before
        )
        firsts = {mode: epoch for epoch, mode in reversed(modes.items())}
        del firsts[modes[present]]
        for mode, epoch in firsts.items():
            if not self.forecast.timed(mode):
                self.start_epoch(epoch)
                self._rehearse(mode, epoch)

    def _rehearse(self, mode: Hashable, epoch: int) -> None:
        iterator = self._iterate(epoch, 0, endless=True)
        calls = rehearse(
            self.runner, iterator, self._variables(), self.chunk_seconds
        )
        with self._lack_of_memory_told(), contextlib.closing(calls):
            for seconds in calls:
                self.pace.note(mode, seconds)
                self.forecast.note(mode, 1, seconds)
                self.state["seconds"] += seconds
                self.workers.agree(self.signals)
                if self.signals.received:
                    return

    def _iterate(
        self, epoch: int, start_step: int, endless: bool = False
    ) -> Iterator:
        """Returns the batches of an epoch; of each this worker's part."""

        def make(context: Any = None) -> tf.data.Dataset:
            del context
            with sharing(self.workers.share) as shared:
                dataset = self.make_dataset(epoch, start_step)
            if self.workers.share != WHOLE and not shared:
                raise ValueError(
                    "make_dataset makes whole batches, of which each replica "
                    "would take all; make them by data.pipeline.batched."
                )
            return dataset.repeat() if endless else dataset

        return iterate(self.runner.strategy, make)

    def _run_epoch(self, bar: ProgressBar) -> None:
        state = self.state
        epoch = state["epoch"]
        self.start_epoch(epoch)
        bar.describe(f"{self.place}/{self.all_epochs}")
        iterator = self._iterate(epoch, state["step"])
        begin = saved_at = time.monotonic()
        before = state["epoch_seconds"]
        while state["step"] < self.steps:
            self._run_chunk(iterator, bar)
            late = time.monotonic() - saved_at > self.checkpoint_seconds
            late = self.workers.agree(self.signals, late)
            if self.signals.received:
                path = self.save()
                raise Interrupted(
                    f"stopped by {self.signals.received} in {self.place} "
                    f"after step {state['step']} of {self.steps}; wrote {path}"
                )
            if late:
                self.save()
                saved_at = time.monotonic()
        self._check_variables()
        means = {k: v / self.steps for k, v in state["totals"].items()}
        seconds = state["epoch_seconds"]
        self.end_epoch(epoch, means, seconds)
        self.ended = bool(self.workers.of_chief([int(self.ended)])[0])
        state.update(epoch=epoch + 1, step=0, totals={}, epoch_seconds=0.0)
        self.save()
        whole = time.monotonic() - begin
        self.forecast.note_end(whole - (seconds - before))

    def _run_chunk(self, iterator: Iterator, bar: ProgressBar) -> None:
        state = self.state
        mode = self.runner.model.mode
        count = min(self.pace.steps(mode), self.steps - state["step"])
        begin = time.monotonic()
        with self._lack_of_memory_told():
            totals = self.runner(iterator, count)
        seconds = time.monotonic() - begin
        if state["first_step_seconds"] is None:
            state["first_step_seconds"] = seconds
        num_finite = int(totals.pop("num_finite"))
        if num_finite < count:
            names = [k for k, v in totals.items() if not math.isfinite(v)]
            self._report_divergence(names, state["step"] + num_finite + 1)
        self.pace.note(mode, seconds)
        self.forecast.note(mode, count, seconds)
        for key, value in totals.items():
            state["totals"][key] = state["totals"].get(key, 0.0) + float(value)
        state["step"] += count
        state["epoch_seconds"] += seconds
        state["seconds"] += seconds
        self._tell_time(bar, mode)
        bar.update(count)
        loss = totals[self.runner.model.metric_keys[-1]] / count
        shown = f"loss {loss:.4f}"
        if self.images_per_step:
            speed = count * self.images_per_step() / seconds
            shown += f", {speed:.0f} images/s"
        bar.annotate(shown)

    def _tell_time(self, bar: ProgressBar, mode: Hashable) -> None:
        """Says how long it will take, once when that is first known."""
        state = self.state
        left = self.forecast.seconds_left(state["epoch"], state["step"])
        bar.expect(left)
        known = self.forecast.timed(mode) >= self.chunk_seconds > 0
        if left is not None and known and not self._foretold:
            self._foretold = True
            epochs = self.restart.count * self.all_epochs
            steps = epochs * self.steps - self._steps_done
            say(f"about {clock(left)} for the {steps} steps that are left")

    @contextlib.contextmanager
    def _lack_of_memory_told(self) -> Iterator[None]:
        try:
            yield
        except tf.errors.ResourceExhaustedError as error:
            raise ConfigError(
                f"The memory does not suffice for a step ({self.place}; "
                f"{self._kept()}): start another "
                f"--run_dir with a smaller --batch_size, --init_channels or "
                f"--num_cells, or, for a search, with --recompute."
            ) from error

    def _variables(self) -> list[keras.Variable]:
        groups = self.runner.model.variable_groups.values()
        return [variable for group in groups for variable in group]

    def _check_variables(self) -> None:
        """Raises Diverged if the last steps left what is not finite.

        The loss of a step is that before its update.
        """
        names = [
            variable.path
            for variable in self._variables()
            if tf.as_dtype(variable.dtype).is_floating
            and not tf.reduce_all(tf.math.is_finite(variable.value))
        ]
        if names:
            others = f" and {len(names) - 1} more" if len(names) > 1 else ""
            self._report_divergence([names[0] + others], self.state["step"])

    def _report_divergence(self, names: list[str], step: int) -> None:
        rates = " or ".join(f"--{n}" for n in self.runner.model.rate_settings)
        raise Diverged(
            f"{', '.join(names)} is not finite in {self.place}, "
            f"step {step} of {self.steps}; "
            f"{self._kept()}. "
            f"Start another --run_dir with a lower {rates}, or a --clip_norm "
            f"above 0."
        )

    def _kept(self) -> str:
        latest = self.checkpoint.latest
        if latest:
            return f"the last good state is {latest}"
        return "no checkpoint had been written yet"

    def save(self) -> str:
        """Writes a checkpoint, if all replicas agree; returns its path.

        Raises:
            Diverged: a variable is not finite; the last checkpoint stands.
            DriftedApart: the replicas have; so it does.
        """
        self._check_variables()
        unequal = self.workers.find_unequal(self._variables())
        if unequal:
            raise DriftedApart(
                f"The replicas hold different values of {unequal[0]} and "
                f"{len(unequal) - 1} more variables after {self.place}, step "
                f"{self.state['step']} of {self.steps}; {self._kept()}."
            )
        return self.checkpoint.save(self.state)

    def restore(self) -> bool:
        """Takes up the latest checkpoint; returns whether there was one."""
        state = self.checkpoint.restore()
        if state is None:
            return False
        now = self.workers.words
        before = state.get("replicas", now)
        if before != now:
            result = "another result: --nosync_statistics depends on them"
            if synchronizes_statistics():
                result = "the same result but for rounding"
            say(
                f"note: this run was on {before} and goes on with {now}, to "
                f"{result}"
            )
        self.state = {**state, "replicas": now}
        return True
