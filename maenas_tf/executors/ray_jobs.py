"""Jobs on the nodes of a Ray cluster."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import pathlib
import platform
import signal
import subprocess
import threading
import uuid
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from maenas_tf.executors import ray_cluster
from maenas_tf.executors.executor import (
    ENDED,
    EXECUTORS,
    LOST,
    QUEUED,
    RUNNING,
    Executor,
    Job,
    JobStatus,
)

_PR_SET_PDEATHSIG = 1
_CANNOT_RUN = 2


class Runner:
    """Runs one command on a node, as an actor of Ray.

    The command ends with the actor, whatever ends that: the node, the
    cluster, or who handed the job over.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._stop: int | None = None

    def begin(self) -> str:
        """Returns the name of the node, when the actor has its place."""
        return platform.node()

    def run(
        self,
        command: Sequence[str],
        folder: str,
        log: str,
        token: str,
        environment: Mapping[str, str],
    ) -> tuple[int, str]:
        """Runs a command to its end.

        Args:
            command: program and arguments.
            folder: where it is run.
            log: the file that what it prints is appended to.
            token: a file that the node sees if it shares that folder.
            environment: variables to set, besides the node's own.

        Returns:
            Its exit code, and why it could not be run, "" where it was.
        """
        node = platform.node()
        if not os.path.exists(token):
            parent = pathlib.PurePath(token).parent
            return _CANNOT_RUN, (
                f"the node {node} does not see {parent} as it is here; give a "
                f"directory on a disk that all nodes share, under one path"
            )
        try:
            with open(log, "ab") as file, self._lock:
                self._process = subprocess.Popen(
                    command,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **environment},
                    start_new_session=True,
                    preexec_fn=_dying_with_parent(),
                )
                if self._stop is not None:
                    self._process.send_signal(self._stop)
        except OSError as error:
            return _CANNOT_RUN, f"the node {node} cannot run it: {error}"
        return self._process.wait(), ""

    def stop(self, number: int) -> None:
        """Sends the command a signal, at once or when it is started."""
        with self._lock:
            self._stop = number
            if self._process is not None:
                self._process.send_signal(number)


def _dying_with_parent():
    """Returns what has a child killed when the thread that made it ends."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def die() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return die


@dataclasses.dataclass
class _Handed:
    """A job that was handed to Ray.

    Attributes:
        actor: that is to run it.
        begun: tells when it has its place.
        ended: tells how the job has ended.
        token: a file in the shared folder.
        status: where it stood when last looked at.
    """

    actor: Any
    begun: Any
    ended: Any
    token: pathlib.Path
    status: JobStatus = JobStatus(QUEUED)


@EXECUTORS.register("ray")
class RayExecutor(Executor):
    """Runs each job on some node of a Ray cluster that has room for it.

    Program, repository and images are under the same paths on every node; so
    is the folder of the logs, which is on a disk that they share.

    Args:
        settings: address of the cluster, and what a job takes.
        environment: variables to set, besides the node's own.

    Raises:
        ConfigError: Ray is not installed, the cluster does not answer, or has
            no room for such a job.
    """

    jobs_at_once = None

    def __init__(
        self, settings: Any, environment: Mapping[str, str] | None = None
    ):
        self.settings = settings
        self._ray, self.note = ray_cluster.join(settings)
        self.environment = {
            **ray_cluster.environment(settings),
            **(environment or {}),
        }
        self._jobs: dict[str, _Handed] = {}

    def submit(self, job: Job) -> Hashable:
        ticket = uuid.uuid4().hex
        token = job.log.with_name(f".{job.log.name}.{ticket}")
        token.touch()
        actor = (
            self._ray.remote(Runner)
            .options(
                # One runs the command, the other stops it.
                max_concurrency=2,
                **ray_cluster.resources(self.settings),
            )
            .remote()
        )
        begun = actor.begin.remote()
        ended = actor.run.remote(
            job.command,
            os.getcwd(),
            str(job.log.resolve()),
            str(token.resolve()),
            self.environment,
        )
        self._jobs[ticket] = _Handed(actor, begun, ended, token)
        return ticket

    def poll(self, ticket: Hashable) -> JobStatus:
        job = self._jobs[ticket]
        if job.status.state in (QUEUED, RUNNING):
            job.status = self._look(job)
            if job.status.state in (ENDED, LOST):
                job.token.unlink(missing_ok=True)
                self._ray.kill(job.actor)
        return job.status

    def _look(self, job: _Handed) -> JobStatus:
        ray = self._ray
        try:
            if ray.wait([job.ended], timeout=0)[0]:
                return JobStatus(ENDED, *ray.get(job.ended))
            if not ray.wait([job.begun], timeout=0)[0]:
                return JobStatus(QUEUED)
            return JobStatus(RUNNING, reason=f"on {ray.get(job.begun)}")
        except ray.exceptions.RayError as error:
            # What Ray says goes on for many lines.
            text = str(error).strip().split("\n")[0]
            return JobStatus(LOST, reason=text)

    def cancel(self, ticket: Hashable, force: bool = False) -> None:
        job = self._jobs[ticket]
        number = signal.SIGKILL if force else signal.SIGTERM
        if self.poll(ticket).state == QUEUED:
            self._ray.kill(job.actor)
            job.token.unlink(missing_ok=True)
            job.status = JobStatus(ENDED, -number, "it had no place yet")
        elif job.status.state == RUNNING:
            job.actor.stop.remote(number)

    def close(self) -> None:
        for job in self._jobs.values():
            job.token.unlink(missing_ok=True)
        ray_cluster.disconnect()
