"""Tests that every executor runs jobs alike, with scripts for jobs.

Ray is started once on this machine, with two places for jobs.
"""

import importlib.util
import os
import signal
import sys
import time

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.executors import (
    ENDED,
    EXECUTORS,
    LOST,
    QUEUED,
    RUNNING,
    Job,
    ray_cluster,
)
from maenas_tf.executors.settings import ExecutorSettings

SCRIPT = """
import os, pathlib, signal, subprocess, sys, time
what = sys.argv[1]
def stop(number, frame):
    print("stopped", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, signal.SIG_IGN if what == "deaf" else stop)
print("begun", os.getcwd(), os.getpid(), os.environ.get("GIVEN"), flush=True)
if what == "parent":
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    print("child", child.pid, flush=True)
if what in ("wait", "deaf", "parent"):
    time.sleep(60)
sys.exit(4 if what == "fail" else 0)
"""
SECONDS = 60.0


@pytest.fixture(scope="module", params=["local", "ray"])
def executor(request):
    """Each executor that is registered."""
    cpus = os.cpu_count() / 2 if request.param == "ray" else 1.0
    settings = ExecutorSettings(executor=request.param, job_cpus=cpus)
    make = EXECUTORS.get(request.param)
    with make(settings, {"GIVEN": "variable"}) as made:
        yield made


def test_all_of_them_are_tested():
    assert EXECUTORS.names() == ["local", "ray"]


def job(folder, what, name="job"):
    command = (sys.executable, "-c", SCRIPT, what)
    return Job(name, command, folder / f"{name}.log")


def wait(executor, ticket, *states):
    """Returns where a job stands when it has got to one of some states."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        status = executor.poll(ticket)
        if status.state in states:
            return status
        time.sleep(0.05)
    raise TimeoutError(f"{status} is none of {states}")


def wait_for(condition):
    until = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.05)


def begun(job):
    """Waits until a job says so; returns what it said."""
    wait_for(lambda: job.log.exists() and "begun" in job.log.read_text())
    return job.log.read_text().split()


def parent(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_job_runs_here_with_its_variables_and_appends_to_its_log(
    executor, tmp_path
):
    asked = job(tmp_path, "")
    asked.log.write_text("before\n")
    status = wait(executor, executor.submit(asked), ENDED)
    assert status.exit_code == 0
    before, _, folder, _, given = asked.log.read_text().split()
    assert (before, folder, given) == ("before", os.getcwd(), "variable")
    # Nothing else is left in the folder.
    assert os.listdir(tmp_path) == ["job.log"]


def test_the_exit_code_of_a_job_is_told(executor, tmp_path):
    status = wait(executor, executor.submit(job(tmp_path, "fail")), ENDED)
    assert status.exit_code == 4


def test_a_job_is_asked_to_stop_and_then_forced(executor, tmp_path):
    asked = job(tmp_path, "wait", "one"), job(tmp_path, "deaf", "two")
    tickets = [executor.submit(each) for each in asked]
    for each, ticket in zip(asked, tickets, strict=True):
        begun(each)
        wait(executor, ticket, RUNNING)
        executor.cancel(ticket)
    assert wait(executor, tickets[0], ENDED).exit_code == 3
    assert asked[0].log.read_text().endswith("stopped\n")
    assert executor.poll(tickets[1]).state == RUNNING
    executor.cancel(tickets[1], force=True)
    assert wait(executor, tickets[1], ENDED).exit_code == -signal.SIGKILL


def test_what_cannot_be_started_is_told(executor, tmp_path):
    asked = Job("job", ("no-such-program",), tmp_path / "log")
    try:
        status = wait(executor, executor.submit(asked), ENDED)
        told = status.reason
        assert status.exit_code == 2
    except OSError as error:
        told = str(error)
    assert "no-such-program" in told


@pytest.mark.parametrize("executor", ["ray"], indirect=True)
class TestRay:
    """What there is on a cluster alone."""

    def test_a_job_without_a_place_is_queued_and_can_be_cancelled(
        self, executor, tmp_path
    ):
        asked = [job(tmp_path, "wait", name) for name in "abc"]
        first, second, third = (executor.submit(each) for each in asked)
        wait(executor, first, RUNNING)
        wait(executor, second, RUNNING)
        assert executor.poll(third).state == QUEUED
        executor.cancel(third)
        assert executor.poll(third).exit_code == -signal.SIGTERM
        for ticket in (first, second):
            executor.cancel(ticket)
            wait(executor, ticket, ENDED)
        assert not asked[2].log.exists()
        assert sorted(os.listdir(tmp_path)) == ["a.log", "b.log"]

    def test_a_job_whose_keeper_is_killed_is_lost_and_leaves_no_process(
        self, executor, tmp_path
    ):
        asked = job(tmp_path, "deaf")
        ticket = executor.submit(asked)
        pid = int(begun(asked)[2])
        os.kill(parent(parent(pid)), signal.SIGKILL)
        assert wait(executor, ticket, LOST).reason
        wait_for(lambda: not alive(pid))
        assert os.listdir(tmp_path) == ["job.log"]

    @pytest.mark.parametrize("how", ["lost", "killed"])
    def test_what_a_job_has_started_ends_with_it(self, executor, tmp_path, how):
        asked = job(tmp_path, "parent")
        ticket = executor.submit(asked)
        wait_for(lambda: asked.log.exists() and "child" in begun(asked))
        pids = [int(word) for word in begun(asked) if word.isdigit()]
        assert len(pids) == 2
        assert all(map(alive, pids))
        wait(executor, ticket, RUNNING)
        if how == "lost":
            os.kill(parent(parent(pids[0])), signal.SIGKILL)
            wait(executor, ticket, LOST)
        else:
            executor.cancel(ticket, force=True)
            assert wait(executor, ticket, ENDED).exit_code == -signal.SIGKILL
        wait_for(lambda: not any(map(alive, pids)))

    def test_there_is_room_for_as_many_jobs_as_cpus_allow(self, executor):
        assert executor.places() == 2

    def test_a_folder_that_the_node_does_not_see_is_told(
        self, executor, tmp_path, monkeypatch
    ):
        # As if the node had another disk under that path.
        monkeypatch.setattr("pathlib.Path.touch", lambda path: None)
        status = wait(executor, executor.submit(job(tmp_path, "")), ENDED)
        assert status.exit_code == 2
        assert f"does not see {tmp_path}" in status.reason
        assert os.listdir(tmp_path) == []

    def test_more_than_any_node_has_is_refused(self, executor):
        ray = ray_cluster.load_ray()
        asked = ExecutorSettings(executor="ray", job_gpus=64)
        with pytest.raises(ConfigError, match="--job_gpus=64: no node has"):
            ray_cluster.check_room(ray, asked)
        # A node may be added to a cluster that is there.
        asked = asked.replace(ray_address="auto")
        assert "jobs wait for one" in ray_cluster.check_room(ray, asked)

    def test_signals_stay_with_who_has_taken_them(self, executor):
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_without_ray_the_remedy_is_told(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r'pip install "ray\[default\]"'):
        ray_cluster.connect("local")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:1", "nobody answers there"),
        ("no.such.host.invalid:6379", "nobody answers there"),
        ("head", "host:port"),
        ("ray://head:10001", "host:port"),
        ("head:70000", "host:port"),
        ("", "host:port"),
    ],
)
def test_a_wrong_address_is_refused_at_once(address, words):
    begin = time.monotonic()
    with pytest.raises(ConfigError, match=words) as error:
        ray_cluster.connect(address)
    assert f"--ray_address={address}" in str(error.value)
    assert time.monotonic() - begin < 20


def test_threads_and_gpus_are_those_that_were_asked_for(monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", "/there")
    monkeypatch.setenv("HOME", "/home")
    asked = ExecutorSettings(executor="ray", job_cpus=3, job_memory_gb=2)
    given = ray_cluster.environment(asked)
    assert given["TF_NUM_INTRAOP_THREADS"] == "3"
    assert given["CUDA_VISIBLE_DEVICES"] == "-1"
    assert given["TFDS_DATA_DIR"] == "/there"
    assert "HOME" not in given
    with_gpu = ray_cluster.environment(asked.replace(job_gpus=1))
    assert "CUDA_VISIBLE_DEVICES" not in with_gpu
    assert ray_cluster.resources(asked) == {
        "num_cpus": 3.0,
        "num_gpus": 0.0,
        "memory": 2_000_000_000,
    }


def test_settings_without_effect_are_refused():
    assert ExecutorSettings(jobs=3).executor == "local"
    with pytest.raises(ConfigError, match="--job_cpus=2.0 has no effect"):
        ExecutorSettings(job_cpus=2)
    with pytest.raises(ConfigError, match="Did you mean 'ray'"):
        ExecutorSettings(executor="rai")
