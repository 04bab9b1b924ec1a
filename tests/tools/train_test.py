"""Training and evaluating as a user does: real processes, really killed."""

from __future__ import annotations

import json
import re
import signal
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.tools import commands, one_process

CELL = "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|"
CELL += "nor_conv_3x3~2|"
SETTINGS = {
    "genotype": CELL,
    "dataset": "digits",
    "image_size": 16,
    "max_images": 160,
    "init_channels": 4,
    "num_cells": 1,
    "epochs": 3,
    "batch_size": 8,
    "learning_rate": 0.05,
    "auxiliary_weight": 0,
    "drop_path": 0.3,
    "cutout": 4,
}


def to_flags(**changes):
    return commands.to_flags({**SETTINGS, **changes})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("train")


@pytest.fixture(scope="module")
def undisturbed(folder):
    """Directory, stdout and stderr of a training that nothing stopped."""
    run_dir = folder / "undisturbed"
    code, out, err = commands.run("train", *to_flags(run_dir=run_dir))
    assert code == 0, err
    return run_dir, out, err


def last_checkpoint(run_dir):
    path = tf.train.latest_checkpoint(str(run_dir / "checkpoints"))
    return int(path.rpartition("-")[2]) if path else 0


def interrupt(run_dir, number, checkpoints, *arguments):
    """As `stop_after`, of a training with the settings above."""
    command = ["train", *to_flags(run_dir=run_dir), *arguments]
    return stop_after(run_dir, number, checkpoints, *command)


def stop_after(run_dir, number, checkpoints, *command):
    """Stops a tool after so many checkpoints; returns exit code and stderr."""
    goal = last_checkpoint(run_dir) + checkpoints
    process = commands.start(*command)
    deadline = time.monotonic() + 200
    while last_checkpoint(run_dir) < goal:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"no checkpoint came: {process.communicate()}")
        time.sleep(0.005)
    process.send_signal(number)
    _, error = process.communicate(timeout=200)
    return process.returncode, error


@pytest.fixture(scope="module")
def disturbed(folder, undisturbed):
    """Directory of a training that was stopped twice, and how it went."""
    run_dir, often = folder / "disturbed", "--checkpoint_minutes=0"
    # The first checkpoint is that before the first step.
    killed = interrupt(run_dir, signal.SIGKILL, 2, often)
    counters = commands.checkpoint(run_dir)[0]
    stopped = interrupt(run_dir, signal.SIGTERM, 1, often)
    # The flag file of the other run: it says everything but the directory.
    flagfile = f"--flagfile={undisturbed[0] / 'flags.txt'}"
    code, out, err = commands.run("train", flagfile, f"--run_dir={run_dir}")
    assert code == 0, err
    return run_dir, killed, counters, stopped, out


def test_a_killed_training_ends_with_the_same_bits(undisturbed, disturbed):
    run_dir, killed, counters, stopped, out = disturbed
    assert killed[0] == -signal.SIGKILL
    assert 0 < counters["step"] < 18  # amid the first epoch
    assert stopped[0] == 3
    assert "the same command goes on" in stopped[1]
    assert "going on after" in out
    state, expected = commands.checkpoint(undisturbed[0])
    assert (state["epoch"], state["step"]) == (3, 0)
    assert len(expected) > 50
    _, found = commands.checkpoint(run_dir)
    assert expected.keys() == found.keys()
    assert [name for name in expected if expected[name] != found[name]] == []


def test_the_history_of_a_killed_training_is_whole(undisturbed, disturbed):
    expected = commands.history(undisturbed[0])
    found = commands.history(disturbed[0])
    assert [row["epoch"] for row in found] == ["0", "1", "2"]
    for one, other in zip(expected, found, strict=True):
        for name in ("validation_loss", "validation_accuracy"):
            assert one[name] == other[name]
        # A mean may be summed in another order.
        loss = float(other["train_loss"])
        assert float(one["train_loss"]) == pytest.approx(loss)


def test_a_training_says_what_it_does(undisturbed):
    _, out, err = undisturbed
    for epoch in (1, 2, 3):
        assert f"epoch {epoch}/3: train accuracy 0." in out
    assert "Trained" in out
    assert "144 images" in out
    assert "step 54 of 54" in err
    assert "Traceback" not in err


def test_a_trained_network_is_evaluated_from_its_directory(
    undisturbed, evaluations
):
    run_dir, _, _ = undisturbed
    code, out, err = evaluations["good"]
    assert code == 0, err
    assert not err
    report = json.loads((run_dir / "evaluation.json").read_text())
    assert report["num_images"] == 359
    assert report["split"] == "test"
    assert report["checkpoint"] == "best"
    assert report["top1"] > 0.15  # chance is 0.1
    assert np.array(report["confusion"]).sum() == 359
    table = dict(re.findall(r"^(\S+) {2,}(.*)$", out, re.MULTILINE))
    assert table["top-1"] == f"{100 * report['top1']:.2f} %"
    assert table["top-5"] == f"{100 * report['top5']:.2f} %"
    assert table["parameters"] == f"{report['parameters']:,}"
    assert table["MACs"] == f"{report['macs']:,}"
    assert "ms" in table["latency"]
    assert "images/s" in table["speed"]
    with Image.open(run_dir / "confusion.png") as picture:
        assert picture.size > (300, 300)


# Name to flags in place of the settings above, and parts of the sentence.
BAD_TRAINING = {
    "unknown genotype": (["--genotype=DARTS_V3"], "Did you mean DARTS_V"),
    "a directory without one": (["--genotype=FOLDER/flat"], "genotype.json"),
    "a genotype of an unknown space": (
        ['--genotype={"space": "nasbench20", "arch": "|x~0|"}'],
        "nasbench201",
    ),
    "an operation that is none": (
        ["--genotype=" + CELL.replace("none", "nine", 1)],
        "nine",
    ),
    "an auxiliary head": (["--auxiliary_weight=0.4"], "--auxiliary_weight"),
    "too few cells": (["--genotype=DARTS_V2", "--num_cells=2"], "--num_cells"),
    "images without labels": (
        ["--dataset=folder", "--data_dir=FOLDER/flat"],
        "one subfolder for each class",
    ),
    "images of one class": (
        ["--dataset=folder", "--data_dir=FOLDER/one"],
        "at least 2",
    ),
    "too large a batch": (["--batch_size=150"], "--batch_size=150", "144"),
    "too large a square": (["--cutout=16"], "--cutout=16", "16 pixels"),
    "everything held out": (
        ["--validation_fraction=0.999"],
        "--validation_fraction=0.999",
    ),
    "a decay without its schedule": (
        ["--learning_rate_decay=0.9"],
        "--schedule=exponential",
    ),
    "unknown schedule": (["--schedule=steps"], "cosine|linear|exponential"),
    "the directory of a search": (["--run_dir=FOLDER/search"], "config.json"),
    "another configuration": (
        ["--run_dir=FOLDER/undisturbed", "--seed=7"],
        "--seed=7 (there: 0)",
    ),
    "a run and no resuming": (
        ["--run_dir=FOLDER/undisturbed", "--noresume"],
        "holds a run already",
    ),
}

BAD_EVALUATION = {
    "no directory": (["--run_dir=FOLDER/none"], "does not exist"),
    "the directory of a search": (["--run_dir=FOLDER/search"], "training"),
    "no epoch yet": (["--run_dir=FOLDER/flat"], "config.json"),
    "unknown split": (["--split=val"], "--split=val", "test, train"),
    "unknown data set": (["--dataset=digitz"], "--dataset=digitz", "digits"),
    "other classes": (
        ["--dataset=folder", "--data_dir=FOLDER/two", "--split=train"],
        "images of 'cat', 'dog'",
        "was not trained on",
    ),
    "images without labels": (
        ["--dataset=folder", "--data_dir=FOLDER/flat", "--split=train"],
        "one subfolder for each class",
    ),
    "unknown checkpoint": (["--checkpoint=first"], "best|last"),
    "no batch": (["--batch_size=0"], "--batch_size"),
    "another architecture": (["--run_dir=FOLDER/other"], "architecture"),
}


@pytest.fixture(scope="module")
def cases_folder(folder, undisturbed):
    """Adds what bad input is made of."""
    for path in ("flat/a", "one/cat/a", "two/cat/a", "two/dog/a"):
        file = folder / f"{path}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((16, 16, 3), 99, np.uint8)).save(file)
    (folder / "search").mkdir()
    config = commands.search_config().to_json()
    (folder / "search" / "config.json").write_text(config)
    (folder / "other").mkdir()
    for name in ("config.json", "preprocessing.json", "best.keras"):
        content = (undisturbed[0] / name).read_bytes()
        (folder / "other" / name).write_bytes(content)
    other = {"space": "nasbench201", "arch": CELL.replace("1x1", "3x3")}
    (folder / "other" / "genotype.json").write_text(json.dumps(other))
    return folder


def results_of(tool, flags, cases, folder):
    """Runs a tool on each case: exit code, stdout and stderr by name."""
    asked = [
        ("", [*flags, *(f.replace("FOLDER", str(folder)) for f in case)])
        for case in cases.values()
    ]
    return dict(zip(cases, one_process.run(tool, asked), strict=True))


@pytest.fixture(scope="module")
def trainings(cases_folder):
    cases = {name: flags for name, (flags, *_) in BAD_TRAINING.items()}
    cases["diverging"] = ["--learning_rate=1e30", "--clip_norm=0"]
    cases["diverging"] += ["--run_dir=FOLDER/diverging"]
    flags = to_flags(run_dir=cases_folder / "new")
    return results_of("train", flags, cases, cases_folder)


@pytest.fixture(scope="module")
def evaluations(cases_folder):
    cases = {name: flags for name, (flags, *_) in BAD_EVALUATION.items()}
    flags = [f"--run_dir={cases_folder / 'undisturbed'}"]
    return results_of("evaluate", flags, {"good": [], **cases}, cases_folder)


def check(result, parts):
    code, _, error = result
    assert code == 2, error
    assert "Traceback" not in error
    assert len(error.splitlines()) == 1, error
    for part in parts:
        assert part in error


@pytest.mark.parametrize("name", BAD_TRAINING)
def test_bad_input_to_a_training_is_one_sentence(name, trainings):
    check(trainings[name], BAD_TRAINING[name][1:])


@pytest.mark.parametrize("name", BAD_EVALUATION)
def test_bad_input_to_an_evaluation_is_one_sentence(name, evaluations):
    check(evaluations[name], BAD_EVALUATION[name][1:])


@pytest.mark.usefixtures("trainings")
def test_bad_input_starts_no_run(cases_folder):
    found = cases_folder / "new"
    assert not found.exists() or [p.name for p in found.iterdir()] == [".lock"]


def test_a_loss_that_is_not_finite_ends_with_code_4(trainings):
    code, _, error = trainings["diverging"]
    assert code == 4, error
    assert "--learning_rate" in error
    assert "Traceback" not in error
