"""Jobs on the nodes of a Ray cluster."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from maenas_tf.config import ConfigError
from maenas_tf.executors import keeper, ray_cluster
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
from maenas_tf.executors.ray_pool import RayPool
from maenas_tf.executors.remote_folder import RemoteFolder

_CANNOT_RUN = 2
# Between times when what a job has left is sent to a URL.
_SECONDS_BETWEEN_SENDS = 20.0


class Runner:
    """Runs one command on a node, as an actor of Ray.

    The command, and whatever it has started, ends with the actor, whatever
    ends that: the node, the cluster, or who handed the job over.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._stop: int | None = None

    def begin(self) -> str:
        """Returns the name of the node, when the actor has its place."""
        return platform.node()

    def run(
        self, job: Job, folder: str, token: str, environment: Mapping[str, str]
    ) -> tuple[int, str]:
        """Runs a command to its end.

        Args:
            job: what to run.
            folder: where it is run.
            token: a file that the node sees if it shares the folder of the
                log; "" where that is at a URL.
            environment: variables to set, besides the node's own.

        Returns:
            Its exit code, and why it could not be run, "" where it was.
        """
        node = platform.node()
        if shutil.which(job.command[0]) is None:
            return _CANNOT_RUN, f"the node {node} has no {job.command[0]}"
        try:
            if job.url:
                return self._run_on_copy(job, folder, environment), ""
            if os.path.exists(token):
                return self._run(job.command, folder, job.log, environment), ""
        except (ConfigError, OSError) as error:
            return _CANNOT_RUN, f"on the node {node}: {error}"
        return _CANNOT_RUN, (
            f"the node {node} does not see {job.log.parent} as it is here; "
            f"give a directory on a disk that all nodes share, under one path, "
            f"or a URL"
        )

    def _run_on_copy(
        self, job: Job, folder: str, environment: Mapping[str, str]
    ) -> int:
        """Runs a command on a copy of what is at a URL, and sends it there."""
        with tempfile.TemporaryDirectory(prefix="maenas_job_") as work:
            beside = RemoteFolder(job.url, work)
            name = job.run_dir.name
            run = RemoteFolder(f"{job.url}/{name}", beside.path / name)
            run.fetch_all()
            beside.fetch([job.log.name])

            def send() -> None:
                beside.send(job.log.name)
                run.send_all()

            def try_to_send() -> None:
                # It is tried again, and told of in the end.
                with contextlib.suppress(OSError):
                    send()

            given, there = str(job.run_dir), str(run.path)
            command = [part.replace(given, there) for part in job.command]
            log = beside.path / job.log.name
            code = self._run(command, folder, log, environment, try_to_send)
            send()
            return code

    def _run(
        self,
        command: Sequence[str],
        folder: str,
        log: pathlib.Path,
        environment: Mapping[str, str],
        meanwhile: Callable[[], None] | None = None,
    ) -> int:
        with open(log, "ab") as file, self._lock:
            self._process = subprocess.Popen(
                (sys.executable, keeper.__file__, *command),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                start_new_session=True,
                preexec_fn=keeper.signalled_at_death(keeper.LEFT_ALONE),
            )
            if self._stop is not None:
                self._process.send_signal(self._stop)
        while meanwhile is not None:
            try:
                return self._process.wait(_SECONDS_BETWEEN_SENDS)
            except subprocess.TimeoutExpired:
                meanwhile()
        return self._process.wait()

    def stop(self, number: int) -> None:
        """Sends the command a signal, at once or when it is started."""
        if number == signal.SIGKILL:
            number = keeper.LEFT_ALONE
        with self._lock:
            self._stop = number
            if self._process is not None:
                self._process.send_signal(number)


@dataclasses.dataclass
class _Handed:
    """A job that was handed to Ray.

    Attributes:
        actor: that is to run it.
        begun: tells when it has its place.
        ended: tells how the job has ended.
        token: a file in the shared folder, None where it is at a URL.
        status: where it stood when last looked at.
    """

    actor: Any
    begun: Any
    ended: Any
    token: pathlib.Path | None
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
    takes_urls = True
    make_pool = RayPool

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
        token = None
        if not job.url:
            job = dataclasses.replace(job, log=job.log.resolve())
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
            job, os.getcwd(), str(token or ""), self.environment
        )
        self._jobs[ticket] = _Handed(actor, begun, ended, token)
        return ticket

    def poll(self, ticket: Hashable) -> JobStatus:
        job = self._jobs[ticket]
        if job.status.state in (QUEUED, RUNNING):
            job.status = self._look(job)
            if job.status.state in (ENDED, LOST):
                self._drop_token(job)
                self._ray.kill(job.actor)
        return job.status

    def _drop_token(self, job: _Handed) -> None:
        if job.token is not None:
            job.token.unlink(missing_ok=True)

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
            self._drop_token(job)
            job.status = JobStatus(ENDED, -number, "it had no place yet")
        elif job.status.state == RUNNING:
            job.actor.stop.remote(number)

    def places(self) -> int:
        return ray_cluster.places(self._ray, self.settings)

    def close(self) -> None:
        for job in self._jobs.values():
            self._drop_token(job)
        ray_cluster.disconnect()
