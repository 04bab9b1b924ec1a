"""The programs that the pages show run, and do what the pages say."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tests.docs import run_examples

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found():
    """What each example found; in one process, as starting it takes seconds."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.docs.run_examples"],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_all_examples_of_the_folder_are_run():
    files = (ROOT / "docs" / "examples").glob("[!_]*.py")
    expected = {*run_examples.SEARCHES, "found_network"}
    assert {path.stem for path in files} == expected


@pytest.mark.parametrize(
    "name", [*run_examples.SEARCHES, "found_network", "README"]
)
def test_the_example_runs_to_its_end(name, found):
    assert "failed" not in found[name], found[name]["failed"]


def test_the_task_learns_its_own_answers_without_labels(found):
    task = found["add_task"]
    assert task["labels"] == 0
    assert 0 <= task["history"][-1]["accuracy"] <= 1


def test_the_space_offers_its_own_candidates(found):
    space = found["add_space"]
    assert space["space"] == "small"
    reduce_cell = json.loads(space["genotype"])["reduce"]
    chosen = {primitive for primitive, _ in reduce_cell}
    assert chosen <= {"max_pool_3x3", "nor_conv_3x3"}


def test_the_algorithm_lets_its_temperature_fall(found):
    rows = found["add_algorithm"]["history"]
    assert [float(row["temperature"]) for row in rows] == [1.0, 0.5]


def test_the_score_selects_the_deepest_cell(found):
    score = found["add_score"]
    assert float(score["selection"]["depth"]) == 3
    assert score["genotype"].count("conv") >= 3


def test_the_networks_have_the_classes_asked_for(found):
    assert found["found_network"]["outputs"] == 10
    assert found["README"]["outputs"] == 10
