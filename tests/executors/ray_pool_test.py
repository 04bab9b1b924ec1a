"""Tests of `maenas_tf.executors.ray_pool`, on one Ray of this machine."""

import os
import pathlib
import signal

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.executors.ray_pool import RayPool
from maenas_tf.executors.settings import ExecutorSettings


def make(folder, word):
    """Makes a function that tells where it was called, and notes it."""
    if word == "wrong":
        raise ConfigError("--data_dir=x is not there.")
    if word == "dies":
        os.kill(os.getpid(), signal.SIGKILL)

    def function(number, what=""):
        calls = len(list(pathlib.Path(folder).glob(f"{number}-*")))
        (pathlib.Path(folder) / f"{number}-{calls}").touch()
        if what == "always" or (what == "once" and not calls):
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "error":
            raise ConfigError(f"{number} is not valid")
        return word, number**2, os.environ["TF_NUM_INTRAOP_THREADS"]

    return function


@pytest.fixture(scope="module")
def settings():
    cpus = max(os.cpu_count() // 2, 1)
    return ExecutorSettings(executor="ray", job_cpus=cpus, jobs=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("calls")


@pytest.fixture(scope="module")
def pool(settings, folder):
    with RayPool(settings, make, str(folder), "word") as made:
        yield made


def test_every_call_is_made_and_its_place_told(pool, settings):
    found = dict(pool.results([(3,), (4,), (5,)]))
    threads = str(int(settings.job_cpus))
    assert found == {
        place: ("word", number**2, threads)
        for place, number in enumerate((3, 4, 5))
    }


def test_a_call_whose_worker_is_killed_is_made_again(pool, folder):
    calls = [(10, "once"), (11,), (12,)]
    found = dict(pool.results(calls))
    assert [found[place][1] for place in range(3)] == [100, 121, 144]
    assert len(list(folder.glob("10-*"))) == 2


def test_a_call_that_ends_every_worker_is_given_up(pool):
    with pytest.raises(ConfigError, match="was lost 3 times"):
        dict(pool.results([(20, "always")]))


def test_what_a_call_raises_is_raised(pool):
    with pytest.raises(ConfigError, match="30 is not valid"):
        dict(pool.results([(30, "error")]))


def test_what_the_watch_raises_ends_the_calls(pool):
    def watch():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dict(pool.results([(40,)], watch))


def test_a_function_that_no_node_can_make_is_told(pool, monkeypatch):
    monkeypatch.setattr(pool, "_arguments", ("", "wrong"))
    monkeypatch.setattr(pool, "_free", [])
    # Its place is that of the workers that are there.
    monkeypatch.setattr(
        pool, "settings", pool.settings.replace(job_cpus=0, jobs=0)
    )
    with pytest.raises(ConfigError, match="node .*--data_dir=x is not there"):
        dict(pool.results([(50,)]))


def test_workers_that_cannot_start_are_given_up(pool, monkeypatch):
    monkeypatch.setattr(pool, "_arguments", ("", "dies"))
    monkeypatch.setattr(pool, "_free", [])
    monkeypatch.setattr(
        pool, "settings", pool.settings.replace(job_cpus=0, jobs=1)
    )
    with pytest.raises(ConfigError, match="A worker was lost 3 times"):
        dict(pool.results([(60,)]))
