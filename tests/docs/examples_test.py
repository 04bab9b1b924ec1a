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
    assert sorted(path.stem for path in files) == list(run_examples.EXAMPLES)


@pytest.mark.parametrize("name", [*run_examples.EXAMPLES, "README"])
def test_the_example_ends_with_a_genotype(name, found):
    assert "failed" not in found[name], found[name]["failed"]
    assert found[name]["genotype"]


def test_the_task_learns_its_own_answers_without_labels(found):
    task = found["add_task"]
    assert task["labels"] == 0
    assert "weight_accuracy" in task["history"][-1] or (
        "accuracy" in task["history"][-1]
    )


def test_the_space_offers_its_own_candidates(found):
    space = found["add_space"]
    assert space["space"] == "small"
    reduce_cell = json.loads(space["genotype"])["reduce"]
    chosen = {primitive for primitive, _ in reduce_cell}
    assert chosen <= {"max_pool_3x3", "sep_conv_3x3"}


def test_the_algorithm_lets_its_temperature_fall(found):
    rows = found["add_algorithm"]["history"]
    assert [float(row["temperature"]) for row in rows] == [1.0, 0.5]


def test_the_score_selects_the_deepest_cell(found):
    score = found["add_score"]
    assert float(score["selection"]["depth"]) == 3
    assert score["genotype"].count("conv") >= 3


def test_the_readmes_network_has_the_classes_asked_for(found):
    assert found["README"]["outputs"] == 10
