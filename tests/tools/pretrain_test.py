"""Pretraining as a user does: real processes, really killed."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest
from PIL import Image

from tests.tools import commands, train_test

SETTINGS = {
    "genotype": train_test.CELL,
    "dataset": "digits",
    "image_size": 16,
    "patch_size": 4,
    "max_images": 160,
    "init_channels": 4,
    "num_cells": 1,
    "epochs": 2,
    "batch_size": 8,
}


def to_flags(**changes):
    return commands.to_flags({**SETTINGS, **changes})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pretrain")


@pytest.fixture(scope="module")
def undisturbed(folder):
    """Directory and stdout of a pretraining that nothing stopped."""
    run_dir = folder / "undisturbed"
    code, out, err = commands.run("pretrain", *to_flags(run_dir=run_dir))
    assert code == 0, err
    return run_dir, out


def test_a_killed_pretraining_ends_with_the_same_bits(folder, undisturbed):
    run_dir = folder / "killed"
    command = ["pretrain", *to_flags(run_dir=run_dir)]
    code = train_test.stop_after(
        run_dir, signal.SIGKILL, 3, *command, "--checkpoint_minutes=0"
    )[0]
    assert code == -signal.SIGKILL
    counters, _ = commands.checkpoint(run_dir)
    assert 0 < counters["step"] < 20  # amid an epoch
    code, out, err = commands.run(*command)
    assert code == 0, err
    assert "going on after" in out
    _, expected = commands.checkpoint(undisturbed[0])
    _, found = commands.checkpoint(run_dir)
    assert len(expected) > 50
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


def test_a_pretraining_says_what_it_does(undisturbed):
    run_dir, out = undisturbed
    assert "epoch 2/2: train loss" in out
    assert "with 160 images and 0 labels" in out
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["kind"] == "pretraining"


# Flags in place of the settings above, and parts of the sentence.
BAD = {
    "a task with labels": (["--task=supervised"], "--task=supervised", "mae"),
    "an unknown task": (["--task=maee"], "Did you mean 'mae'"),
    "a patch that does not divide": (["--patch_size=5"], "--patch_size=5"),
    "too large a batch": (["--batch_size=200"], "--batch_size=200", "160"),
    "an unknown genotype": (["--genotype=DARTS_V3"], "Did you mean DARTS_V"),
    "no directory of images": (
        ["--dataset=folder", "--data_dir=FOLDER/none"],
        "none does not exist",
    ),
    "a negative number": (["--statistics_images=-1"], "--statistics_images"),
    "another configuration": (
        ["--run_dir=FOLDER/undisturbed", "--seed=7"],
        "--seed=7 (there: 0)",
    ),
}


@pytest.fixture(scope="module")
def results(folder, undisturbed):
    flags = to_flags(run_dir=folder / "new")
    cases = {name: case for name, (case, *_) in BAD.items()}
    # Subfolders are no labels here.
    for name in ("a/1", "a/2", "b/3"):
        file = folder / "images" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        shade = np.full((16, 16, 3), 50 * int(name[-1]), np.uint8)
        Image.fromarray(shade).save(file)
    cases["a folder"] = [
        "--dataset=folder",
        "--data_dir=FOLDER/images",
        "--run_dir=FOLDER/of_images",
        "--batch_size=2",
        "--epochs=1",
    ]
    return train_test.results_of("pretrain", flags, cases, folder)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(name, results):
    train_test.check(results[name], BAD[name][1:])


def test_a_folder_is_pretrained_on(folder, results):
    code, _, err = results["a folder"]
    assert code == 0, err
    summary = json.loads((folder / "of_images" / "summary.json").read_text())
    assert summary["num_images"] == 3
    assert summary["num_labels_read"] == 0
