"""What runs jobs somewhere; each place is one file and one registry line."""

from __future__ import annotations

import abc
import dataclasses
import pathlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from maenas_tf.registry import Registry

QUEUED = "queued"
RUNNING = "running"
ENDED = "ended"
LOST = "lost"


@dataclasses.dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes:
        name: what people call it.
        command: program and arguments.
        log: the file that what it prints is appended to.
        run_dir: the directory that it writes into, where there is a `url`.
        url: the folder that `run_dir` and `log` are kept in, for which those
            that are named here stand: the job works on copies on its node.
            "" is that of the log, under this path.
    """

    name: str
    command: tuple[str, ...]
    log: pathlib.Path
    run_dir: pathlib.Path | None = None
    url: str = ""


@dataclasses.dataclass(frozen=True)
class JobStatus:
    """Where a job stands.

    Attributes:
        state: `QUEUED`, it waits for a place; `RUNNING`; `ENDED`; or `LOST`,
            the machine that it ran on is gone, and it can be tried again.
        exit_code: of a job that has ended; negative for a signal.
        reason: what else there is to say, "" for nothing.
    """

    state: str
    exit_code: int | None = None
    reason: str = ""


class Pool(Protocol):
    """Workers of an executor that call a function which they have made.

    Attributes:
        note: what there is to say before the first call, "" for nothing.
    """

    note: str

    def results(
        self, calls: Sequence[Sequence[Any]], watch: Callable[[], None]
    ) -> Iterator[tuple[int, Any]]:
        """Makes calls; yields the place of each and its result, as they come.

        Args:
            calls: the arguments of each.
            watch: called now and then; what it raises ends the calls.

        Raises:
            ConfigError: the function cannot be made, or a call lost its node
                again and again.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class Executor(abc.ABC):
    """Runs jobs somewhere; who hands them over knows no more of the place.

    What a job is to leave behind it writes itself, into a directory that who
    hands it over can read.

    Attributes:
        jobs_at_once: how many jobs to hand over at once where nobody says;
            None is all of them, of which those wait that have no place.
        note: what there is to say before the first job, "" for nothing.
        takes_urls: whether its jobs may write into a folder at a URL.
        make_pool: makes the workers that call functions there, of the
            settings, what makes their function, and its arguments; None is
            this process.
    """

    jobs_at_once: int | None = 1
    note = ""
    takes_urls = False
    make_pool: Callable[..., Pool] | None = None

    @abc.abstractmethod
    def submit(self, job: Job) -> Hashable:
        """Starts a job, or queues it; returns a ticket for it.

        Raises:
            OSError: it cannot be started.
        """

    @abc.abstractmethod
    def poll(self, ticket: Hashable) -> JobStatus:
        """Returns where a job stands; never waits for it."""

    @abc.abstractmethod
    def cancel(self, ticket: Hashable, force: bool = False) -> None:
        """Asks a job to write a checkpoint and stop; forces it to stop now."""

    def places(self) -> int | None:
        """Returns how many jobs there is room for; None is for all."""
        return None

    @abc.abstractmethod
    def close(self) -> None:
        """Asks what still runs to stop, and gives back what was taken."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


# Each makes an executor of the settings, and of the variables that its jobs
# get besides those of this process.
EXECUTORS: Registry[Callable[..., Executor]] = Registry("executor")
