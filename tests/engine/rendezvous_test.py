"""Tests of `maenas_tf.engine.rendezvous`, with threads for processes."""

import concurrent.futures
import socket
import time

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.engine.cluster import Cluster
from maenas_tf.engine.rendezvous import meet

# Of a meeting in which somebody is missing.
SHORT = 1.5


def free_addresses(count):
    """Returns addresses on this machine whose ports nobody uses."""
    servers = [socket.create_server(("", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return tuple(f"localhost:{port}" for port in ports)


def gather(*clusters, facts=None, timeout=20.0):
    """Lets workers meet; returns for each what it got, or its error."""
    facts = facts or [{"seed": 0}] * len(clusters)

    def come(cluster, told):
        try:
            return meet(cluster, told, timeout, lambda: b"the files")
        except ConfigError as error:
            return str(error)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(come, clusters, facts))


def workers(count):
    addresses = free_addresses(count)
    return [Cluster(addresses, index) for index in range(count)]


def test_all_workers_get_what_the_chief_has():
    assert gather(*workers(3)) == [b"", b"the files", b"the files"]


def test_a_worker_may_come_before_the_chief():
    chief, other = workers(2)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        early = pool.submit(meet, other, {}, 20.0, bytes)
        time.sleep(0.5)
        assert meet(chief, {}, 20.0, lambda: b"files") == b""
        assert early.result() == b"files"


def test_a_worker_alone_waits_for_nobody():
    assert gather(*workers(1)) == [b""]


def test_a_missing_worker_is_named_to_all_in_time():
    chief, here, away = workers(3)
    begin = time.monotonic()
    first, second = gather(chief, here, timeout=SHORT)
    assert time.monotonic() - begin < 3 * SHORT
    assert first == second
    assert f"worker 2 ({away.addresses[2]}) did not come" in first
    assert f"--worker_timeout={SHORT}" in first


def test_a_missing_chief_is_named_in_time():
    _, other = workers(2)
    begin = time.monotonic()
    (said,) = gather(other, timeout=SHORT)
    assert time.monotonic() - begin < 3 * SHORT
    assert f"worker 0 ({other.addresses[0]})" in said
    assert "--worker_index=0" in said


def test_an_address_that_no_machine_has_is_named():
    _, other = workers(2)
    lost = Cluster(("nowhere.invalid:2222", other.addresses[1]), 1)
    (said,) = gather(lost, timeout=SHORT)
    assert "nowhere.invalid:2222" in said


def test_a_port_in_use_is_named_at_once():
    chief, _ = workers(2)
    port = int(chief.addresses[0].rpartition(":")[2])
    begin = time.monotonic()
    with socket.create_server(("", port)):
        (said,) = gather(chief, timeout=60.0)
    assert time.monotonic() - begin < 5
    assert chief.addresses[0] in said
    assert "--workers" in said


def test_workers_that_want_something_else_end_together():
    said = gather(*workers(2), facts=[{"seed": 0}, {"seed": 1}])
    assert said[0] == said[1]
    assert "--seed=1 (the chief: 0)" in said[0]


def test_workers_with_other_lists_end_together():
    chief, other = workers(2)
    longer = Cluster((*other.addresses, "localhost:1"), 1)
    said = gather(chief, longer)
    assert said[0] == said[1]
    assert "localhost:1" in said[0]


def test_what_else_calls_the_port_is_sent_away():
    chief, other = workers(2)
    port = int(chief.addresses[0].rpartition(":")[2])
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(meet, chief, {}, 20.0, lambda: b"files")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                stranger = socket.create_connection(("localhost", port))
                break
            except OSError:
                time.sleep(0.05)
        stranger.sendall(b"\x00\x00\x00\x05hello")
        assert meet(other, {}, 20.0, bytes) == b"files"
        assert waiting.result() == b""
        stranger.close()


def test_a_chief_that_ends_early_is_told(monkeypatch):
    chief, other = workers(2)

    def fail():
        raise ConfigError("no room for the files")

    with concurrent.futures.ThreadPoolExecutor() as pool:
        early = pool.submit(meet, other, {}, 20.0, bytes)
        with pytest.raises(ConfigError, match="no room"):
            meet(chief, {}, 20.0, fail)
        with pytest.raises(ConfigError, match="no room"):
            early.result()
