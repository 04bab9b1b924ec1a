"""The tools on a Ray cluster of two nodes, one of which is killed."""

import json
import os
import pathlib
import signal
import time

import numpy as np
import pytest

from tests.tools import commands, correlate_test

SETTINGS = {
    **commands.TINY,
    "max_images": 1024,
    "epochs": 4,
    "seeds": "0,1,2",
}
SECONDS = 400.0


@pytest.fixture
def cluster(monkeypatch):
    """A cluster of two nodes, each with a place for one job."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.second = made.add_node(num_cpus=1)
    yield made
    made.shutdown()


def start(folder, cluster):
    settings = {
        **SETTINGS,
        "sweep_dir": folder,
        "executor": "ray",
        "ray_address": cluster.address,
    }
    return commands.start("sweep", *commands.to_flags(settings))


def score(folder, **more):
    settings = {
        **{k: v for k, v in commands.TINY.items() if k != "epochs"},
        "algorithm": "training_free",
        "selection": "random",
        "num_candidates": 1500,
        "score": "expressivity+trainability+regions+macs",
        "run_dir": folder,
        **more,
    }
    # As on a node of one CPU: oneDNN's last digits depend on the threads.
    return commands.start(
        "search", *commands.to_flags(settings), TF_NUM_INTRAOP_THREADS="1"
    )


def candidates(folder):
    """Returns candidates.csv without the seconds."""
    text = (folder / "candidates.csv").read_text().splitlines()
    return [line.rpartition(",")[0] for line in text]


def wait_for(condition, seconds=SECONDS):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.1)


def running(folder):
    """Returns the processes that are at a run in a folder."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(a.startswith(f"--run_dir={folder}/") for a in command):
            found.append(int(path.parent.name))
    return found


def begun(folder, count):
    return len(list(folder.glob("*/history.csv"))) >= count


def alphas(folder, seed):
    return commands.alphas(folder / f"seed={seed}")


@pytest.mark.large
def test_runs_of_a_killed_node_go_on_with_another_to_the_same_bits(
    cluster, tmp_path
):
    process = start(tmp_path / "ray", cluster)
    wait_for(lambda: begun(tmp_path / "ray", 2))
    cluster.remove_node(cluster.second, allow_graceful=False)
    out, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, out + error
    lost = [line for line in out.splitlines() if line.startswith("lost: ")]
    assert len(lost) == 1, out
    assert lost[0].endswith("it is tried again")
    name = lost[0].split(": ")[1]
    assert f"goes on: {name}" in out
    assert not running(tmp_path)
    code, out, error = commands.run(
        "sweep",
        *commands.to_flags({**SETTINGS, "sweep_dir": tmp_path / "local"}),
        TF_NUM_INTRAOP_THREADS="1",
    )
    assert code == 0, out + error
    for seed in range(3):
        there = alphas(tmp_path / "ray", seed)
        for key, value in alphas(tmp_path / "local", seed).items():
            np.testing.assert_array_equal(there[key], value)


@pytest.mark.large
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_jobs_write_checkpoints_and_nothing_stays(
    cluster, tmp_path, number
):
    process = start(tmp_path, cluster)
    wait_for(lambda: begun(tmp_path, 2))
    process.send_signal(number)
    out, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 3, out + error
    assert "3 runs are left; the same command goes on." in out
    assert out.count("interrupted: ") == 3
    assert not running(tmp_path)
    process = start(tmp_path, cluster)
    out, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, out + error
    assert out.count("goes on: ") == 2
    summary = json.loads((tmp_path / "seed=2" / "summary.json").read_text())
    assert summary["seed"] == 2


@pytest.mark.large
def test_no_job_outlives_a_sweep_that_is_killed(cluster, tmp_path):
    process = start(tmp_path, cluster)
    wait_for(lambda: begun(tmp_path, 2))
    # Two jobs, each with its keeper.
    assert len(running(tmp_path)) == 4
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not running(tmp_path), 60)


@pytest.mark.large
def test_candidates_are_scored_on_nodes_to_the_same_bits(cluster, tmp_path):
    on_ray = {"executor": "ray", "ray_address": cluster.address}
    there = tmp_path / "ray"

    def scored(count):
        file = there / "candidates.csv"
        return file.exists() and len(candidates(there)) > count

    process = score(there, **on_ray)
    wait_for(lambda: scored(0) or process.poll() is not None)
    cluster.remove_node(cluster.second, allow_graceful=False)
    count = len(candidates(there))
    wait_for(lambda: scored(count) or process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 3, error
    assert "keeps their scores" in error
    before = set(candidates(there))
    process = score(there, **on_ray)
    out, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, error
    assert f"going on after {len(before) - 1} candidates" in out
    assert before < set(candidates(there))
    process = score(tmp_path / "here")
    _, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, error
    assert candidates(there) == candidates(tmp_path / "here")
    told = [
        json.loads((folder / "summary.json").read_text())["genotype"]
        for folder in (there, tmp_path / "here")
    ]
    assert told[0] == told[1]


@pytest.mark.large
def test_short_trainings_on_nodes_leave_the_same_losses(cluster, tmp_path):
    settings = {
        **correlate_test.SETTINGS,
        "task": "mae,supervised",
        "num_architectures": 4,
    }
    on_ray = {"executor": "ray", "ray_address": cluster.address}
    losses = {}
    for name, more in {"ray": on_ray, "here": {}}.items():
        code, out, error = commands.run(
            "correlate",
            *commands.to_flags(
                {**settings, **more, "run_dir": tmp_path / name}
            ),
            TF_NUM_INTRAOP_THREADS="1",
        )
        assert code == 0, out + error
        losses[name] = (tmp_path / name / "losses.csv").read_text()
    assert len(losses["here"].splitlines()) == 1 + 4 * 2 * 2
    assert losses["ray"] == losses["here"]
