"""Where the processes of a sweep run: the seam for a cluster engine."""

from __future__ import annotations

import abc
import dataclasses
import os
import pathlib
import signal
import subprocess
from collections.abc import Hashable, Mapping


@dataclasses.dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes:
        name: what people call it.
        command: program and arguments.
        log: the file that what it prints is appended to.
    """

    name: str
    command: tuple[str, ...]
    log: pathlib.Path


class Executor(abc.ABC):
    """Runs jobs somewhere; a sweep knows nothing else about the place.

    What a job is to leave behind it writes itself, into a run directory that
    the sweep can read.
    """

    @abc.abstractmethod
    def submit(self, job: Job) -> Hashable:
        """Starts a job, or queues it; returns a ticket for it.

        Raises:
            OSError: it cannot be started.
        """

    @abc.abstractmethod
    def poll(self, ticket: Hashable) -> int | None:
        """Returns the exit code, None while the job runs; never waits."""

    @abc.abstractmethod
    def cancel(self, ticket: Hashable, force: bool = False) -> None:
        """Asks a job to write a checkpoint and stop; forces it to stop now."""


class LocalExecutor(Executor):
    """Runs every job as a process of this machine, at once.

    Each is the leader of a session, so that Ctrl-C on the terminal reaches it
    through `cancel` alone, once.

    Args:
        environment: variables to set, besides this process's own.
    """

    def __init__(self, environment: Mapping[str, str] | None = None):
        self.environment = dict(environment or {})
        self._processes: dict[int, subprocess.Popen] = {}

    def submit(self, job: Job) -> Hashable:
        with open(job.log, "ab") as log:
            process = subprocess.Popen(
                job.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        self._processes[process.pid] = process
        return process.pid

    def poll(self, ticket: Hashable) -> int | None:
        return self._processes[ticket].poll()

    def cancel(self, ticket: Hashable, force: bool = False) -> None:
        number = signal.SIGKILL if force else signal.SIGTERM
        self._processes[ticket].send_signal(number)
