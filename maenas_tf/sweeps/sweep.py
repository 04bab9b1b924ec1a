"""Many searches, one after another or side by side, resumably."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from maenas_tf.config import ConfigError, file_names, user_path
from maenas_tf.engine.signals import SignalWatch
from maenas_tf.executors import (
    ENDED,
    LOST,
    QUEUED,
    RUNNING,
    Executor,
    Job,
    JobStatus,
)
from maenas_tf.executors.remote_folder import RemoteFolder
from maenas_tf.runs import atomic
from maenas_tf.runs.lock import lock_directory
from maenas_tf.sweeps import sweep_state
from maenas_tf.sweeps.sweep_display import LineDisplay, open_display
from maenas_tf.sweeps.sweep_grid import SweepRun
from maenas_tf.sweeps.sweep_state import RunState

# What an interrupted search ends with (docs/reference/exit_codes.md).
_INTERRUPTED_CODE = 3
# A run whose machines are lost so often may be what ends them.
_MOST_LOSSES = 3
# Between looks at what is at a URL.
_SECONDS_BETWEEN_FETCHES = 10.0


class Sweep:
    """Runs each combination in a process with a run directory of its own.

    What is done is not done again, what was interrupted goes on, and what
    failed is tried again by the next sweep in the same directory; within one
    a failed run does not stop the others. A run whose machine is lost goes on
    with another.

    Args:
        runs: what is to be done.
        directory: of the run directories; made if missing.
        executor: where the processes run.
        make_command: run and its directory to the command that does it.
        num_jobs: so many at once; None is what the executor holds right.
        poll_seconds: between looks at what runs.
        remote: the folder of which `directory` is a copy; None where the
            executor writes into that itself.

    Raises:
        ConfigError: the directory cannot be written, is in use by another
            sweep, or holds a run of another configuration.
    """

    def __init__(
        self,
        runs: Sequence[SweepRun],
        directory: str | os.PathLike[str],
        executor: Executor,
        make_command: Callable[[SweepRun, pathlib.Path], Sequence[str]],
        num_jobs: int | None = None,
        poll_seconds: float = 0.5,
        remote: RemoteFolder | None = None,
    ):
        self.directory = user_path(directory)
        self.executor = executor
        self.make_command = make_command
        self.num_jobs = num_jobs or executor.jobs_at_once or len(runs)
        self.poll_seconds = poll_seconds
        self.remote = remote
        self.named = str(self.directory if remote is None else remote.url)
        self.states = [
            RunState(
                run,
                self.directory / run.name,
                self.directory / f"{run.name}.log",
                named=f"{self.named}/{run.name}",
            )
            for run in runs
        ]
        self._fetched_at = time.monotonic()
        for state in self.states:
            self._fetch(state)
            state.read_progress()
            if state.read_done():
                state.state = sweep_state.DONE

    @property
    def done(self) -> list[RunState]:
        """The runs that have ended well."""
        return self._in(sweep_state.DONE)

    @property
    def places(self) -> int:
        """How many of the runs are made at once; others may be queued."""
        room = self.executor.places()
        return self.num_jobs if room is None else min(room, self.num_jobs)

    @property
    def failed(self) -> list[RunState]:
        """Those that have not."""
        return self._in(sweep_state.FAILED)

    def watch(self, record: Mapping[str, Any]) -> bool:
        """Runs what is left, shown on stdout; lists what has failed.

        Args:
            record: what was asked, for sweep.json.

        Returns:
            Whether SIGINT or SIGTERM ended it early.
        """
        if self.executor.note:
            print(f"note: {self.executor.note}")
        with SignalWatch().installed() as signals:
            display = open_display()
            try:
                stopped = self.run(signals, display, record)
            finally:
                display.close()
        for state in self.failed:
            log = f"{self.named}/{state.log.name}"
            print(f"failed: {state.run.name}: {state.note}; {log}")
        return stopped

    def run(
        self,
        signals: SignalWatch,
        display: LineDisplay,
        record: Mapping[str, Any],
    ) -> bool:
        """Runs what is left; returns whether a signal ended it early.

        A first signal lets every run write a checkpoint; a second kills them.

        Args:
            signals: looked at between polls.
            display: shows where the runs stand.
            record: what was asked, for sweep.json.
        """
        lock = file_names.SWEEP_LOCK
        with lock_directory(self.directory, lock, "sweep_dir", "sweep"):
            self._write_record(record)
            display.event(
                f"{self.named}: {len(self.states)} runs, "
                f"{sweep_state.count(self.states)[sweep_state.DONE]} done "
                f"before"
            )
            stopping = False
            while self._goes_on(stopping):
                if signals.received:
                    self._cancel(display, signals.received, stopping)
                    stopping, signals.received = True, None
                if not stopping:
                    self._start(display)
                self._poll(display, stopping)
                display.refresh(self.states, self.places)
                time.sleep(self.poll_seconds)
            display.refresh(self.states, self.places)
        return stopping

    def _in(self, name: str) -> list[RunState]:
        return [state for state in self.states if state.state == name]

    def _handed_over(self) -> list[RunState]:
        return [*self._in(sweep_state.RUNNING), *self._in(sweep_state.QUEUED)]

    def _goes_on(self, stopping: bool) -> bool:
        if self._handed_over():
            return True
        return bool(self._in(sweep_state.WAITING)) and not stopping

    def _write_record(self, record: Mapping[str, Any]) -> None:
        names = [state.run.name for state in self.states]
        atomic.write_json(
            self.directory / file_names.SWEEP, {**record, "runs": names}
        )
        if self.remote is not None:
            self.remote.send(file_names.SWEEP)

    def _fetch(self, state: RunState) -> None:
        """Copies what tells where a run stands, if it is elsewhere."""
        if self.remote is not None:
            self.remote.fetch(state.places)

    def _start(self, display: LineDisplay) -> None:
        """Fills the free places with waiting runs."""
        for state in self._in(sweep_state.WAITING):
            if len(self._handed_over()) >= self.num_jobs:
                return
            if state.is_locked():
                state.note = "another process is at it"
                state.read_progress()
                continue
            try:
                done = state.read_done()
            except ConfigError as error:
                # Its directory has changed since this sweep has begun.
                self._fail(state, display, str(error))
                continue
            if done:
                self._finish(state, display, 0)
                continue
            command = tuple(self.make_command(state.run, state.path))
            state.note = ""
            try:
                state.ticket = self.executor.submit(self._job(state, command))
            except OSError as error:
                self._fail(state, display, f"cannot be started: {error}")
                continue
            state.state = sweep_state.QUEUED

    def _job(self, state: RunState, command: tuple[str, ...]) -> Job:
        job = Job(state.run.name, command, state.log)
        if self.remote is None:
            return job
        return dataclasses.replace(job, run_dir=state.path, url=self.remote.url)

    def _poll(self, display: LineDisplay, stopping: bool) -> None:
        now = time.monotonic()
        fetches = now - self._fetched_at > _SECONDS_BETWEEN_FETCHES
        if fetches:
            self._fetched_at = now
        for state in self._handed_over():
            if fetches:
                # Asked for again, and told of at the end of the run.
                with contextlib.suppress(OSError):
                    self._fetch(state)
            state.read_progress()
            status = self.executor.poll(state.ticket)
            if status.state == QUEUED:
                continue
            if state.state == sweep_state.QUEUED and status.state != LOST:
                verb = "goes on" if state.epoch else "starts"
                event = f"{verb}: {state.run.name}"
                on = f", {status.reason}" if status.state == RUNNING else ""
                display.event(event + on.rstrip(", "))
            state.state = sweep_state.RUNNING
            if status.state == LOST:
                self._lose(state, display, status, stopping)
            elif status.state == ENDED:
                self._end(state, display, status, stopping)

    def _lose(
        self,
        state: RunState,
        display: LineDisplay,
        status: JobStatus,
        stopping: bool,
    ) -> None:
        """Lets a run whose machine is gone wait for another."""
        state.losses += 1
        if stopping:
            state.state, state.note = sweep_state.INTERRUPTED, status.reason
        elif state.losses >= _MOST_LOSSES:
            often = f"lost {state.losses} times, the last time"
            self._fail(state, display, f"{often}: {status.reason}")
        else:
            state.state = sweep_state.WAITING
            display.event(
                f"lost: {state.run.name}: {status.reason}; it is tried again"
            )

    def _end(
        self,
        state: RunState,
        display: LineDisplay,
        status: JobStatus,
        stopping: bool,
    ) -> None:
        code = status.exit_code
        try:
            self._fetch(state)
        except OSError as error:
            self._fail(state, display, str(error))
            return
        if stopping and (code == _INTERRUPTED_CODE or code < 0):
            state.state, state.exit_code = sweep_state.INTERRUPTED, code
            state.note = status.reason or state.last_log_line()
            display.event(f"interrupted: {state.run.name}: {state.note}")
        else:
            self._finish(state, display, code, status.reason)

    def _finish(
        self,
        state: RunState,
        display: LineDisplay,
        code: int,
        reason: str = "",
    ) -> None:
        """Notes how a run ended."""
        state.exit_code = code
        if code or not state.has_result():
            reason = reason or state.last_log_line()
            self._fail(state, display, f"exit code {code}: {reason}")
            return
        state.state = sweep_state.DONE
        left = sweep_state.seconds_left(self.states, self.places)
        counts = sweep_state.count(self.states)
        display.event(
            f"done: {state.run.name} ({counts[sweep_state.DONE]} of "
            f"{len(self.states)}; {sweep_state.duration(left)} left)"
        )

    def _fail(self, state: RunState, display: LineDisplay, note: str) -> None:
        state.state, state.note = sweep_state.FAILED, note
        display.event(f"failed: {state.run.name}: {note}")

    def _cancel(self, display: LineDisplay, signal: str, force: bool) -> None:
        running = len(self._in(sweep_state.RUNNING))
        what = (
            "kills what still runs"
            if force
            else "waits for the checkpoints; once more kills"
        )
        display.event(f"{signal}: {what} ({running} running)")
        for state in self._handed_over():
            self.executor.cancel(state.ticket, force)
