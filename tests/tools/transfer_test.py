"""`python -m tools.transfer`: the tools that it runs, in turn."""

import json

import pytest

from tests.tools import commands, one_process

# In place of the tools: shows what was asked, and ends with `CODE` in train.
STATEMENT = """
from tools import transfer
def show(name, arguments):
    print(name, *arguments, sep="\\n")
    return CODE if name == "train" else 0
transfer.run_step = show
"""


@pytest.fixture(scope="module")
def results():
    flags = [
        "--run_dir=there/",
        "--search_flags=--dataset=digits --run_dir=elsewhere",
        "--train_flags=--dataset=folder --data_dir='my images'",
    ]
    cases = [
        (STATEMENT.replace("CODE", "0"), flags),
        (STATEMENT.replace("CODE", "4"), flags),
        ("", ["--run_dir=there", "--train_flags='open"]),
    ]
    return one_process.run("transfer", cases)


def test_the_training_takes_the_search_and_own_directories_win(results):
    code, out, error = results[0]
    assert code == 0, error
    assert out.splitlines() == [
        "search",
        "--dataset=digits",
        "--run_dir=elsewhere",
        "--run_dir=there/search",
        "train",
        "--dataset=folder",
        "--data_dir=my images",
        "--run_dir=there/train",
        "--genotype=there/search",
        "evaluate",
        "--run_dir=there/train",
    ]


def test_a_tool_that_fails_ends_it_with_its_code(results):
    code, out, error = results[1]
    assert code == 4
    assert "evaluate" not in out
    assert "tools.train ended with 4." in error


def test_flags_that_cannot_be_read_are_one_sentence(results):
    code, _, error = results[2]
    assert code == 2
    assert "--train_flags='open cannot be read" in error


@pytest.mark.large
def test_one_command_searches_on_one_set_and_evaluates_on_another(tmp_path):
    search = " ".join(commands.to_flags(commands.TINY))
    train = (
        "--dataset=digits --init_channels=2 --num_cells=1 --epochs=1 "
        "--image_size=16 --max_images=64 --batch_size=8 --auxiliary_weight=0 "
        "--cutout=4"
    )
    flags = [
        f"--run_dir={tmp_path}",
        f"--search_flags={search}",
        f"--train_flags={train}",
    ]
    code, out, error = commands.run("transfer", *flags)
    assert code == 0, out + error
    found = json.loads((tmp_path / "train" / "genotype.json").read_text())
    searched = json.loads((tmp_path / "search" / "genotype.json").read_text())
    assert found == searched
    assert (tmp_path / "train" / "evaluation.json").exists()
