"""Tests of the files for Slurm and Kubernetes: what they start can be read."""

import json
import os
import pathlib
import re
import stat
import subprocess
import sys

import pytest
import yaml

from tests.docs import pages, read_commands

FOLDER = pages.ROOT / "docs" / "examples" / "cluster"
# In place of each program: it notes what it was called with. srun runs its
# command once for each task, as that task.
STAND_IN = """#!{python}
import json, os, pathlib, subprocess, sys, time
name, arguments = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
log = pathlib.Path(os.environ["CALLS"])
if name == "scontrol" and arguments[0] == "show":
    print("gpu1\\ngpu2")
    sys.exit()
with open(log, "a") as file:
    file.write(json.dumps([name, *arguments]) + "\\n")
if name == "srun":
    rest = [a for a in arguments]
    options = []
    while rest[0].startswith("--"):
        options.append(rest.pop(0))
    codes = []
    for task in range(1 if "--ntasks=1" in options else 2):
        environment = dict(os.environ, SLURM_PROCID=str(task))
        codes.append(subprocess.call(rest, env=environment))
    sys.exit(max(codes))
if name == "python":
    sys.exit(int(os.environ["CODE"]))
"""


def run(script, folder, code=0):
    """Runs a batch script with stand-ins; returns exit code and calls."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("srun", "scontrol", "ray", "python", "hostname"):
        path = programs / name
        path.write_text(STAND_IN.format(python=sys.executable))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (programs / "hostname").write_text("#!/bin/sh\necho gpu1\n")
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "activate").touch()
    done = subprocess.run(
        ["bash", str(FOLDER / script)],
        cwd=folder,
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "CALLS": str(folder / "calls"),
            "CODE": str(code),
            "DATA_DIR": "/data",
            "RUN_DIR": "runs/a",
            "SWEEP_DIR": "runs/sweep",
            "SECONDS_TO_START": "0.5",
            "SLURM_JOB_NODELIST": "gpu[1-2]",
            "SLURM_JOB_ID": "17",
            "SLURM_NNODES": "2",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    calls = (folder / "calls").read_text().splitlines()
    return done.returncode, [json.loads(line) for line in calls]


def problems(calls):
    """Returns what is wrong with the commands of tools among calls."""
    found = []
    for call in calls:
        if call[:2] == ["python", "-m"]:
            tool = call[2].removeprefix("tools.")
            found += read_commands.read(tool, [call[3:]])
    return found


def test_a_search_starts_a_worker_on_each_node(tmp_path):
    code, calls = run("search.sbatch", tmp_path)
    assert code == 0
    searches = [call for call in calls if call[0] == "python"]
    assert len(searches) == 2
    for index, call in enumerate(searches):
        assert "--workers=gpu1:2222,gpu2:2222" in call
        assert f"--worker_index={index}" in call
    assert problems(calls) == ["", ""]
    assert not any(call[0] == "scontrol" for call in calls)


@pytest.mark.parametrize("script", ["search.sbatch", "sweep.sbatch"])
def test_a_job_whose_time_is_up_is_queued_again(tmp_path, script):
    code, calls = run(script, tmp_path, code=3)
    assert code == 3
    assert calls[-1] == ["scontrol", "requeue", "17"]


def test_a_sweep_joins_the_ray_that_the_script_has_started(tmp_path):
    code, calls = run("sweep.sbatch", tmp_path)
    assert code == 0
    assert problems(calls) == [""]
    rays = [call for call in calls if call[0] == "ray"]
    assert "--head" in rays[0]
    assert "--address=gpu1:6379" in rays[1]
    (sweep,) = (call for call in calls if call[0] == "python")
    assert "--ray_address=gpu1:6379" in sweep


def test_a_failure_is_not_queued_again(tmp_path):
    code, calls = run("sweep.sbatch", tmp_path, code=5)
    assert code == 5
    assert not any(call[0] == "scontrol" for call in calls)


def test_options_of_slurm_stand_before_the_first_command():
    for path in FOLDER.glob("*.sbatch"):
        lines = path.read_text().splitlines()
        first = next(i for i, x in enumerate(lines) if not x.startswith("#"))
        assert any(line.startswith("#SBATCH") for line in lines[:first])
        assert not any(line.startswith("#SBATCH") for line in lines[first:])


@pytest.fixture(scope="module")
def job():
    documents = yaml.safe_load_all((FOLDER / "sweep.yaml").read_text())
    return {document["kind"]: document for document in documents}


def test_the_command_of_the_ray_job_can_be_read(job):
    (tool, arguments), *more = pages.commands(
        job["RayJob"]["spec"]["entrypoint"]
    )
    assert not more
    assert tool == "sweep"
    assert read_commands.read(tool, [arguments]) == [""]
    assert "--ray_address=auto" in arguments


def test_every_pod_has_the_image_and_the_shared_disk(job):
    spec = job["RayJob"]["spec"]["rayClusterSpec"]
    claim = job["PersistentVolumeClaim"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    assert len(groups) == 2
    images = set()
    for group in groups:
        pod = group["template"]["spec"]
        (volume,) = pod["volumes"]
        name = volume["persistentVolumeClaim"]["claimName"]
        assert name == claim["metadata"]["name"]
        for container in pod["containers"]:
            images.add(container["image"])
            (mount,) = container["volumeMounts"]
            assert (mount["name"], mount["mountPath"]) == (
                volume["name"],
                "/shared",
            )
    assert len(images) == 1
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    workers = spec["workerGroupSpecs"][0]
    resources = workers["template"]["spec"]["containers"][0]["resources"]
    assert int(resources["limits"]["nvidia.com/gpu"]) >= 1
    # Else the head would be given searches.
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_the_image_has_the_ray_of_the_cluster_and_of_the_tests(job):
    version = job["RayJob"]["spec"]["rayClusterSpec"]["rayVersion"]
    image = (FOLDER / "Dockerfile").read_text()
    assert f"FROM rayproject/ray:{version}-py311" in image
    lock = (pages.ROOT / "requirements_lock.txt").read_text()
    assert re.search(rf"^ray=={re.escape(version)}$", lock, re.MULTILINE)
    assert pathlib.Path(pages.ROOT / "requirements_ray.txt").exists()
