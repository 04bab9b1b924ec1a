"""Tests of the process that runs a job on a node, without Ray."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from maenas_tf.executors import Job, keeper, ray_jobs
from maenas_tf.executors.ray_jobs import Runner

# Counts how often it has been run in its directory.
COUNT = """
import os, pathlib, sys, time
file = pathlib.Path(sys.argv[1].partition("=")[2]) / "deep" / "count"
file.parent.mkdir(parents=True, exist_ok=True)
file.write_text(str(int(file.read_text()) + 1 if file.exists() else 1))
print("in", file)
sys.stdout.flush()
time.sleep(float(sys.argv[2]))
sys.exit(int(file.read_text()) - 1)
"""


def job(tmp_path, url, seconds=0.0):
    copy = tmp_path / "copy"
    run_dir = copy / "run"
    command = (sys.executable, "-c", COUNT, f"--dir={run_dir}", str(seconds))
    return Job("run", command, copy / "run.log", run_dir, url)


@pytest.fixture
def there(tmp_path, monkeypatch):
    """The folder of a URL; nothing may stay anywhere else."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    yield tmp_path / "there"
    assert os.listdir(tmp_path / "temporary") == []
    assert not (tmp_path / "copy").exists()


def test_a_job_at_a_url_goes_on_with_what_another_node_has_left(
    there, tmp_path
):
    asked = job(tmp_path, f"file://{there}")
    for number in range(2):
        assert Runner().run(asked, os.getcwd(), "", {}) == (number, "")
        assert (there / "run" / "deep" / "count").read_text() == str(number + 1)
    log = (there / "run.log").read_text().splitlines()
    assert len(log) == 2
    assert log[0] != log[1]
    files = [p for p in there.rglob("*") if p.is_file()]
    assert len(files) == 2


def test_what_a_job_at_a_url_has_left_is_sent_meanwhile(
    there, tmp_path, monkeypatch
):
    monkeypatch.setattr(ray_jobs, "_SECONDS_BETWEEN_SENDS", 0.2)
    sent = []
    send = ray_jobs.RemoteFolder.send_all

    def noting(folder):
        result = send(folder)
        sent.append((there / "run" / "deep" / "count").exists())
        return result

    monkeypatch.setattr(ray_jobs.RemoteFolder, "send_all", noting)
    asked = job(tmp_path, f"file://{there}", seconds=3.0)
    assert Runner().run(asked, os.getcwd(), "", {}) == (0, "")
    assert len(sent) > 1
    assert any(sent[:-1])


def test_a_url_that_cannot_be_written_is_told(there, tmp_path):
    pathlib.Path(there).write_text("a file")
    code, reason = Runner().run(
        job(tmp_path, f"file://{there}"), os.getcwd(), "", {}
    )
    assert code == 2
    assert "on the node" in reason
    there.unlink()


def test_a_keeper_passes_signals_on_and_ends_as_its_command_does():
    wait = "import time; print('begun', flush=True); time.sleep(60)"
    for sent, expected in (
        (signal.SIGTERM, -signal.SIGTERM),
        (keeper.LEFT_ALONE, -signal.SIGKILL),
    ):
        process = subprocess.Popen(
            [sys.executable, keeper.__file__, sys.executable, "-c", wait],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "begun\n"
        begin = time.monotonic()
        process.send_signal(sent)
        assert process.wait(30) == expected
        assert time.monotonic() - begin < 30
        process.stdout.close()
