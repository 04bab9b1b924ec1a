"""Jobs as processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Hashable, Mapping
from typing import Any

from maenas_tf.executors.executor import (
    ENDED,
    EXECUTORS,
    RUNNING,
    Executor,
    Job,
    JobStatus,
)


@EXECUTORS.register("local")
class LocalExecutor(Executor):
    """Runs every job as a process of this machine, at once.

    Each is the leader of a session, so that Ctrl-C on the terminal reaches it
    through `cancel` alone, once.

    Args:
        settings: taken for what every executor takes.
        environment: variables to set, besides this process's own.
    """

    def __init__(
        self, settings: Any = None, environment: Mapping[str, str] | None = None
    ):
        del settings
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

    def poll(self, ticket: Hashable) -> JobStatus:
        code = self._processes[ticket].poll()
        return JobStatus(RUNNING) if code is None else JobStatus(ENDED, code)

    def cancel(self, ticket: Hashable, force: bool = False) -> None:
        number = signal.SIGKILL if force else signal.SIGTERM
        self._processes[ticket].send_signal(number)

    def close(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
