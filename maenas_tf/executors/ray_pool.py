"""Functions that are called on the nodes of a Ray cluster."""

from __future__ import annotations

import collections
import os
import platform
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from maenas_tf.config import ConfigError
from maenas_tf.executors import ray_cluster

# A call whose nodes are lost so often may be what ends them.
_MOST_LOSSES = 3
_SECONDS = 0.5
# Of a call in a message, characters.
_LONGEST = 200


class Worker:
    """Calls a function that it has made, as an actor of Ray.

    Args:
        folder: where it works.
        environment: variables to set before anything is loaded.
    """

    def __init__(self, folder: str, environment: Mapping[str, str]):
        self._folder = folder
        os.environ.update(environment)

    def begin(self, make: Callable, arguments: Sequence[Any]) -> str:
        """Makes the function; returns what is wrong, "" for nothing."""
        try:
            os.chdir(self._folder)
            self._function = make(*arguments)
        except (ConfigError, OSError) as error:
            return f"on the node {platform.node()}: {error}"
        return ""

    def call(self, *arguments: Any) -> Any:
        """Returns what the function does."""
        return self._function(*arguments)


class RayPool:
    """Workers, on whichever nodes have room, that call a function.

    A worker that is lost is replaced, and its call made again.

    Args:
        settings: address of the cluster, and what a worker takes.
        make: makes the function; it and its arguments are sent to the nodes.
        *arguments: of `make`.

    Raises:
        ConfigError: Ray is not installed, the cluster does not answer, or has
            no room for a worker.
    """

    def __init__(self, settings: Any, make: Callable, *arguments: Any):
        self.settings = settings
        self._make, self._arguments = make, arguments
        self._ray, self.note = ray_cluster.join(settings)
        self._environment = ray_cluster.environment(settings)
        self._starting: dict[Any, Any] = {}
        self._free: list[Any] = []
        self._at: dict[Any, tuple[Any, int]] = {}

    def results(
        self,
        calls: Sequence[Sequence[Any]],
        watch: Callable[[], None] = lambda: None,
    ) -> Iterator[tuple[int, Any]]:
        """See `Pool`."""
        waiting = collections.deque(range(len(calls)))
        losses = collections.Counter()
        while waiting or self._at:
            watch()
            self._grow(len(waiting) + len(self._at))
            while self._free and waiting:
                worker, place = self._free.pop(), waiting.popleft()
                self._at[worker.call.remote(*calls[place])] = worker, place
            for place, lost, result in self._look():
                if not lost:
                    # Who can compute could start.
                    losses.pop(None, None)
                    yield place, result
                    continue
                losses[place] += 1
                if losses[place] >= _MOST_LOSSES:
                    what = "A worker"
                    if place is not None:
                        what = textwrap.shorten(str(calls[place]), _LONGEST)
                    raise ConfigError(
                        f"{what} was lost {losses[place]} times with its "
                        f"process ({result}); give it more, as with "
                        f"--job_memory_gb."
                    )
                if place is not None:
                    waiting.appendleft(place)

    def _grow(self, num_calls: int) -> None:
        """Asks for as many workers as there are calls and places."""
        places = self.settings.jobs or ray_cluster.places(
            self._ray, self.settings
        )
        there = len(self._starting) + len(self._free) + len(self._at)
        for _ in range(min(places, num_calls) - there):
            worker = (
                self._ray.remote(Worker)
                .options(**ray_cluster.resources(self.settings))
                .remote(os.getcwd(), self._environment)
            )
            begun = worker.begin.remote(self._make, self._arguments)
            self._starting[begun] = worker

    def _look(self) -> Iterator[tuple[int | None, bool, Any]]:
        """Yields place, whether it was lost, and result or reason.

        The place is None of a worker that was lost before it could begin.
        """
        ray = self._ray
        pending = [*self._starting, *self._at]
        ready, _ = ray.wait(pending, num_returns=len(pending), timeout=_SECONDS)
        for reference in ready:
            if reference in self._starting:
                worker, place = self._starting.pop(reference), None
            else:
                worker, place = self._at.pop(reference)
            try:
                result = ray.get(reference)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error
            except ray.exceptions.RayError as error:
                yield place, True, str(error).strip().split("\n")[0]
                continue
            self._free.append(worker)
            if place is not None:
                yield place, False, result
            elif result:
                raise ConfigError(result)

    def close(self) -> None:
        """Ends the workers, whatever they are at."""
        ray_cluster.disconnect()

    def __enter__(self) -> RayPool:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
