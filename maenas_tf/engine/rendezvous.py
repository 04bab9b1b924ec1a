"""How the processes of a run find each other before TensorFlow starts.

TensorFlow's own servers wait for a missing worker without an end, and two of
them share a port without a word. So each worker holds its port first and
reports to the chief, who looks at what all were asked to do and answers each
with what it needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

from maenas_tf.config import ConfigError
from maenas_tf.engine.cluster import Cluster

# A peer that has connected says at once who it is.
_SECONDS_TO_SPEAK = 10.0
_SECONDS_BETWEEN_TRIES = 0.2
# The chief may need so long to pack its answer.
_SECONDS_TO_ANSWER = 60.0

Facts = Mapping[str, Any]


def meet(
    cluster: Cluster,
    facts: Facts,
    timeout: float,
    answer: Callable[[], bytes],
) -> bytes:
    """Waits until all workers are there and want the same.

    Args:
        cluster: who they are.
        facts: what this one is to do, name to a JSON value.
        timeout: how long to wait, seconds.
        answer: makes what the chief sends to each other worker.

    Returns:
        What the chief has sent; empty for the chief.

    Raises:
        ConfigError: a worker is missing, its address or port is wrong, or it
            was asked for something else.
    """
    deadline = time.monotonic() + timeout
    with contextlib.ExitStack() as closing:
        server = closing.enter_context(_hold_port(cluster))
        if cluster.is_chief:
            return _receive_all(
                cluster, facts, timeout, answer, server, closing
            )
        chief = closing.enter_context(_call_chief(cluster, timeout))
        return _report(cluster, facts, chief, timeout, deadline)


def _hold_port(cluster: Cluster) -> socket.socket:
    own = cluster.addresses[cluster.index]
    both = socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            ("", _split(own)[1]),
            family=socket.AF_INET6 if both else socket.AF_INET,
            dualstack_ipv6=both,
        )
    except OSError as error:
        raise ConfigError(
            f"The port of worker {cluster.index}, {own}, cannot be used "
            f"({os.strerror(error.errno)}); end what uses it or give another "
            f"one in --workers, the same everywhere."
        ) from error


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _receive_all(
    cluster: Cluster,
    facts: Facts,
    timeout: float,
    answer: Callable[[], bytes],
    server: socket.socket,
    closing: contextlib.ExitStack,
) -> bytes:
    """As the chief, hears all others and answers them."""
    deadline = time.monotonic() + timeout
    peers: dict[int, Connection] = {}
    try:
        for peer, told in _callers(server, deadline):
            closing.enter_context(peer)
            index = told["index"]
            if index in peers:
                raise ConfigError(
                    f"Two processes came as --worker_index={index}; give each "
                    f"worker its own."
                )
            peers[index] = peer
            _compare(cluster, facts, index, told)
            _call_back(cluster, index)
            if len(peers) == len(cluster.addresses) - 1:
                break
        missing = sorted(set(range(1, len(cluster.addresses))) - set(peers))
        if missing:
            raise ConfigError(
                f"{', '.join(map(cluster.name, missing))} did not come within "
                f"--worker_timeout={timeout:g} seconds; start the same "
                f"command there, with its --worker_index, and see that it "
                f"reaches {cluster.addresses[0]}."
            )
        payload = answer() if peers else b""
    except ConfigError as error:
        for peer in peers.values():
            _send(peer, str(error), b"")
        raise
    for peer in peers.values():
        _send(peer, "", payload)
    return b""


def _callers(
    server: socket.socket, deadline: float
) -> Iterator[tuple[Connection, dict[str, Any]]]:
    """Yields who calls, with what it says, until there is no more time."""
    while (left := deadline - time.monotonic()) > 0:
        server.settimeout(left)
        try:
            called, _ = server.accept()
        except TimeoutError:
            return
        called.setblocking(True)
        peer = Connection(called.detach())
        told = _hear(peer)
        if told is None:
            peer.close()
        else:
            yield peer, told


def _hear(peer: Connection) -> dict[str, Any] | None:
    """Returns what a worker says; None where something else has called."""
    try:
        if not peer.poll(_SECONDS_TO_SPEAK):
            return None
        told = json.loads(peer.recv_bytes(2**20))
        if {"index", "addresses", "facts"} <= set(told):
            return told
    except (OSError, EOFError, ValueError, TypeError):
        return None
    return None


def _compare(
    cluster: Cluster, facts: Facts, index: int, told: Mapping[str, Any]
) -> None:
    """Raises ConfigError about a worker that wants something else."""
    if told["addresses"] != list(cluster.addresses):
        raise ConfigError(
            f"worker {index} was given the workers "
            f"{','.join(told['addresses'])}, and the chief "
            f"{','.join(cluster.addresses)}; give all the same list."
        )
    there = told["facts"]
    unequal = [
        f"--{name}={there.get(name)} (the chief: {facts.get(name)})"
        for name in {**facts, **there}
        if there.get(name) != facts.get(name)
    ]
    if unequal:
        raise ConfigError(
            f"{cluster.name(index)} was given {', '.join(unequal)}; give all "
            f"workers the same command but for --worker_index."
        )


def _call_back(cluster: Cluster, index: int) -> None:
    """Sees whether a worker that has come is where the list says."""
    try:
        _connect(cluster.addresses[index], _SECONDS_TO_SPEAK).close()
    except OSError as error:
        raise ConfigError(
            f"{cluster.name(index)} came, but the chief cannot reach it there "
            f"({error.strerror or error}); give an address in --workers that "
            f"the other machines know it by, and open its port."
        ) from error


def _call_chief(cluster: Cluster, timeout: float) -> Connection:
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        try:
            called = _connect(cluster.addresses[0], max(left, 0.1))
        except OSError as error:
            if left > _SECONDS_BETWEEN_TRIES:
                time.sleep(_SECONDS_BETWEEN_TRIES)
                continue
            raise ConfigError(
                f"{cluster.name(0)}, was not reached within "
                f"--worker_timeout={timeout:g} seconds "
                f"({error.strerror or error}); start it with the same "
                f"command and --worker_index=0, and see that the address is "
                f"right."
            ) from error
        return Connection(called.detach())


def _connect(address: str, timeout: float) -> socket.socket:
    called = socket.create_connection(_split(address), timeout)
    called.setblocking(True)
    return called


def _report(
    cluster: Cluster,
    facts: Facts,
    chief: Connection,
    timeout: float,
    deadline: float,
) -> bytes:
    """Tells the chief who this worker is; returns the answer."""
    told = {
        "index": cluster.index,
        "addresses": cluster.addresses,
        "facts": dict(facts),
    }
    # The chief waits for the others as long as this one may.
    patience = deadline - time.monotonic() + timeout + _SECONDS_TO_ANSWER
    try:
        chief.send_bytes(json.dumps(told).encode())
        if not chief.poll(patience):
            raise TimeoutError(f"no answer in {patience:.0f} seconds")
        said = chief.recv_bytes().decode()
        payload = chief.recv_bytes()
    except (OSError, EOFError) as error:
        raise ConfigError(
            f"{cluster.name(0)}, has ended before all workers were there "
            f"({error or 'it closed the connection'}); see what it says, and "
            f"start all workers again."
        ) from error
    if said:
        raise ConfigError(said)
    return payload


def _send(peer: Connection, said: str, payload: bytes) -> None:
    # Who is gone will be missed by TensorFlow.
    with contextlib.suppress(OSError):
        peer.send_bytes(said.encode())
        peer.send_bytes(payload)
