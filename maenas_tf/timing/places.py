"""A step on other numbers of processes and replicas, in turn, in one run."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from maenas_tf.config import MULTI_WORKER, ConfigError
from maenas_tf.engine.console import ProgressBar, say, silent_stderr
from maenas_tf.engine.workers import Workers
from maenas_tf.timing.cases import CASES, SearchCase
from maenas_tf.timing.config import BenchmarkConfig
from maenas_tf.timing.measuring import measure
from maenas_tf.timing.messages import Messages, count_messages
from maenas_tf.timing.place import Place

# Of a process that is to end by itself.
_SECONDS_TO_END = 30.0


def compare_places(
    name: str, config: BenchmarkConfig, places: Sequence[Place]
) -> dict[str, dict[str, Any]]:
    """Times a step at each place in turn, A B C A B C.

    Each has processes of its own, which wait while the others are timed.

    Args:
        name: of the case.
        config: of the benchmark.
        places: where.

    Returns:
        The name of a place to its result, as of `ratios.places_table`.

    Raises:
        ConfigError: a process cannot do what is asked for.
    """
    results = {}
    with (
        contextlib.ExitStack() as crews,
        ProgressBar(config.repeats * len(places), unit="measurement") as bar,
    ):
        ready = []
        for place in places:
            say(f"preparing {name} on {place.name}")
            crew = crews.enter_context(_crew(name, config, place))
            images, messages = [_receive(place, end) for end in crew][0]
            ready.append((place, crew))
            results[place.name] = {
                "images": images,
                "seconds": [],
                "cpu_seconds": [],
                "messages": messages.count,
                "bytes": messages.bytes,
            }
        for _ in range(config.repeats):
            for place, crew in ready:
                for end in crew:
                    end.send(config.steps)
                times = [_receive(place, end) for end in crew]
                result = results[place.name]
                result["seconds"].append(max(clock for clock, _ in times))
                result["cpu_seconds"].append(sum(cpu for _, cpu in times))
                bar.update()
    return results


@contextlib.contextmanager
def _crew(
    name: str, config: BenchmarkConfig, place: Place
) -> Iterator[list[Connection]]:
    """Has the processes of a place make ready; yields how to speak to each."""
    context = multiprocessing.get_context("spawn")
    workers = _free_addresses(place.workers)
    processes, ends = [], []
    for index in range(place.workers):
        here, there = context.Pipe()
        own = {"strategy": place.strategy, "num_replicas": place.replicas}
        if place.strategy == MULTI_WORKER:
            own |= {"workers": workers, "worker_index": index}
        process = context.Process(
            target=_serve,
            args=(there, name, config.replace(places="", **own)),
            daemon=True,
        )
        with silent_stderr():  # TensorFlow loads; errors come by the pipe.
            process.start()
        there.close()
        processes.append(process)
        ends.append(here)
    try:
        yield ends
        for end in ends:
            end.send(0)
        for process in processes:
            process.join(_SECONDS_TO_END)
    finally:
        for process in processes:
            process.kill()


def _free_addresses(count: int) -> str:
    with contextlib.ExitStack() as closing:
        servers = [
            closing.enter_context(socket.create_server(("localhost", 0)))
            for _ in range(count)
        ]
        ports = [server.getsockname()[1] for server in servers]
    return ",".join(f"localhost:{port}" for port in ports)


def _receive(place: Place, end: Connection) -> Any:
    try:
        told = end.recv()
    except EOFError as error:
        raise ConfigError(
            f"--places={place.name}: a process of it has ended; see that "
            f"there is enough memory, or drop that place."
        ) from error
    if isinstance(told, ConfigError):
        raise told
    return told


def _serve(end: Connection, name: str, config: BenchmarkConfig) -> None:
    """Makes a case ready and times it as often as the benchmark asks."""
    try:
        case = CASES.get(name)(config)
        case.run(1)
        case.run(case.warm_up)
    except ConfigError as error:
        end.send(error)
        return
    end.send((case.images, messages_of(case)))
    while steps := end.recv():
        result = {"seconds": [], "cpu_seconds": []}
        measure(case.run, steps, result)
        end.send((result["seconds"][0], result["cpu_seconds"][0]))


def messages_of(case: SearchCase) -> Messages:
    """Returns what the replicas of a step send, once it has been traced."""
    graph = case.runner.graph(case.iterator)
    return count_messages(graph, Workers(case.strategy).replicas)
