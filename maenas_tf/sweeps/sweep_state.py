"""Where the runs of a sweep stand, as their files tell."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Hashable, Sequence

from maenas_tf.runs import files
from maenas_tf.runs.csv_files import read_rows
from maenas_tf.runs.run_directory import holds_run, is_in_use
from maenas_tf.sweeps.sweep_grid import Stage, SweepRun

WAITING = "waiting"
# It was handed over and has no place yet.
QUEUED = "queued"
RUNNING = "running"
DONE = "done"
FAILED = "failed"
INTERRUPTED = "interrupted"
STATES = (RUNNING, FAILED, INTERRUPTED, QUEUED, WAITING, DONE)
UNFINISHED = (RUNNING, QUEUED, WAITING)


@dataclasses.dataclass
class RunState:
    """A run and where it stands.

    Attributes:
        run: what is run.
        path: the run directory.
        log: the file with what its processes printed.
        state: one of `STATES`.
        note: what else there is to say, "" for nothing.
        epoch: epochs finished.
        epoch_seconds: of each, the slowest of the first and the last, as
            later epochs may do more; None before the first.
        exit_code: of the process that ended, None before.
        ticket: of the executor.
        losses: how often the machine was lost that it ran on.
        named: `path` as the user knows it.
    """

    run: SweepRun
    path: pathlib.Path
    log: pathlib.Path
    state: str = WAITING
    note: str = ""
    epoch: int = 0
    epoch_seconds: float | None = None
    exit_code: int | None = None
    ticket: Hashable = None
    losses: int = 0
    named: str = ""

    @property
    def seconds_left(self) -> float | None:
        """Time that the run still takes alone, None if not known."""
        if self.epoch_seconds is None:
            return None
        return self.epoch_seconds * (self.epochs - self.epoch)

    @property
    def epochs(self) -> int:
        """The epochs of the run, of all its stages and restarts."""
        return sum(stage.epochs for stage in self.run.stages)

    @property
    def places(self) -> list[str]:
        """The files that tell where it stands, in the folder of the runs."""
        found = [self.log.name]
        for stage in self.run.stages:
            names = (files.CONFIG, *stage.histories, stage.mark)
            folder = pathlib.PurePosixPath(self.path.name, stage.folder)
            found += [str(folder / name) for name in names]
        return found

    def read_progress(self) -> None:
        """Reads each history.csv, which is there after the first epoch."""
        seconds = []
        for stage in self.run.stages:
            for name in stage.histories:
                try:
                    rows = read_rows(self.path / stage.folder / name)
                    seconds += [float(row["seconds"]) for row in rows]
                except (OSError, KeyError, ValueError):
                    pass  # Not there yet, or not as we know it.
        if seconds:
            self.epoch = len(seconds)
            self.epoch_seconds = max(seconds[0], seconds[-1])

    def read_done(self) -> bool:
        """Returns whether the run has ended well before.

        Raises:
            ConfigError: the directory holds a run of another configuration,
                or one that cannot be read.
        """
        done = [self._read_stage(stage) for stage in self.run.stages]
        return all(done)

    def _read_stage(self, stage: Stage) -> bool:
        path = self.path / stage.folder
        there = stage.config is None or holds_run(
            path, stage.config, self._named(stage), "--sweep_dir"
        )
        return there and (path / stage.mark).exists()

    def _named(self, stage: Stage) -> str:
        return os.path.join(self.named or self.path, stage.folder).rstrip("/")

    def has_result(self) -> bool:
        """Returns whether all files are there that a finished run leaves."""
        return all(
            (self.path / stage.folder / stage.mark).exists()
            for stage in self.run.stages
        )

    def is_locked(self) -> bool:
        """Returns whether another process writes into the directory.

        A search outlives a sweep that was killed.
        """
        return any(
            is_in_use(self.path / stage.folder) for stage in self.run.stages
        )

    def last_log_line(self) -> str:
        """Returns the last line of the log that says anything."""
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, self.log.stat().st_size - 10_000))
                text = file.read().decode(errors="replace")
        except OSError as error:
            return f"no log ({error.strerror})"
        lines = [line for line in text.split("\n") if line.strip()]
        return lines[-1].strip() if lines else "the log is empty"


def count(states: Sequence[RunState]) -> dict[str, int]:
    """Returns how many runs are in each state."""
    return {
        name: sum(state.state == name for state in states) for name in STATES
    }


def seconds_left(states: Sequence[RunState], num_jobs: int) -> float | None:
    """Estimates the time until all is done; None before it can be told.

    Runs that have not begun are taken to need as long an epoch as the mean of
    those that have.
    """
    known = [s.epoch_seconds for s in states if s.epoch_seconds is not None]
    if not known:
        return None
    typical = sum(known) / len(known)
    left = []
    for state in states:
        if state.state in UNFINISHED:
            own = state.seconds_left
            left.append(typical * state.epochs if own is None else own)
    return max(sum(left) / num_jobs, max(left, default=0.0))


def duration(seconds: float | None) -> str:
    """Returns a length of time for people: "1 h 02 min"."""
    if seconds is None:
        return "?"
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
