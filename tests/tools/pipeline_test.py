"""`python -m tools.pipeline`: the tools that it runs, in turn."""

import json
import os
import pathlib
import signal
import time

import numpy as np
import pytest
import tensorflow as tf

from tests.tools import commands, one_process, train_test

# In place of the tools: shows what was asked, and ends with `CODE` in train.
STATEMENT = """
from tools import stages
def show(name, arguments):
    print(name, *arguments, sep="\\n")
    return CODE if name == "train" else 0
stages.run_stage = show
"""
RUNS = STATEMENT.replace("CODE", "0")
# Cases whose evaluation and export have no flags of their own.
NO_CHECK = "stages._check_flags = lambda name, arguments: ''\n"
UNCHECKED = RUNS + NO_CHECK


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    old = tmp_path_factory.mktemp("old")
    (old / "search").mkdir()
    photographs = tmp_path_factory.mktemp("photographs")
    (photographs / "unlabelled").mkdir()
    own = [
        "--run_dir=there",
        "--dataset=folder",
        f"--data_dir={photographs}",
    ]
    flags = [
        "--run_dir=there/",
        "--search_flags=--dataset=digits --run_dir=elsewhere",
        "--train_flags=--dataset=folder --data_dir='my images'",
    ]
    recipes = "--flagfile=flags/recipes"
    cases = {
        # First: later statements take the check away.
        "export": (
            RUNS,
            ["--run_dir=there", "--stages=export", "--export_flags=--form=x"],
        ),
        "digits": (RUNS, [f"{recipes}/pipeline_digits.flags"]),
        "all": (UNCHECKED, flags),
        "a failing training": (
            UNCHECKED.replace("return 0", "return 4"),
            flags,
        ),
        "a killed training": (
            UNCHECKED.replace("return 0", "return -9"),
            flags,
        ),
        "without pretraining": (
            UNCHECKED,
            ["--run_dir=there", "--stages=evaluate,train,search"],
        ),
        "shared": (
            UNCHECKED,
            [
                "--run_dir=there",
                "--dataset=cifar10",
                "--data_dir=DIR",
                "--stages=search,train",
                "--search_flags=--dataset=cifar100",
            ],
        ),
        "shared, and a recipe's own": (
            UNCHECKED,
            [
                "--run_dir=there",
                "--dataset=cifar10",
                "--stages=train",
                f"--train_flags={recipes}/digits_train.flags",
            ],
        ),
        # Of tools.transfer, which knew no other stages.
        "an old transfer": (
            UNCHECKED,
            [f"--run_dir={old}", "--stages=train"],
        ),
        "own images": (
            UNCHECKED,
            [
                f"{recipes}/pipeline_own_images.flags",
                "--data_dir=DIR",
                "--run_dir=there",
            ],
        ),
        "no test images": (UNCHECKED, own),
        "evaluation asked for": (UNCHECKED, [*own, "--stages=train,evaluate"]),
        "evaluated elsewhere": (
            UNCHECKED,
            [*own, "--evaluate_flags=--data_dir=DIR"],
        ),
        "quotation": (RUNS, ["--run_dir=there", "--train_flags='open"]),
        "stage": (RUNS, ["--run_dir=there", "--stages=search,serve"]),
        "no stage": (RUNS, ["--run_dir=there", "--stages="]),
        "flag": (RUNS, ["--run_dir=there", "--pretrain_flags=--epoch=3"]),
        "value": (RUNS, ["--run_dir=there", "--train_flags=--epochs=0"]),
        "word": (RUNS, ["--run_dir=there", "--search_flags=epochs=3"]),
        "networks": (
            RUNS,
            [
                "--run_dir=there",
                "--pretrain_flags=--init_channels=8",
                "--train_flags=--init_channels=16",
            ],
        ),
    }
    found = one_process.run("pipeline", list(cases.values()))
    return dict(zip(cases, found, strict=True))


def test_each_stage_takes_what_those_before_left(results):
    code, out, error = results["all"]
    assert code == 0, error
    assert out.splitlines() == [
        "search",
        "--dataset=digits",
        "--run_dir=elsewhere",
        "--run_dir=there/search",
        "pretrain",
        "--run_dir=there/pretrain",
        "--genotype=there/search",
        "train",
        "--dataset=folder",
        "--data_dir=my images",
        "--run_dir=there/train",
        "--genotype=there/search",
        "--init_from=there/pretrain",
        "evaluate",
        "--run_dir=there/train",
        "export",
        "--run_dir=there/train",
        "--output_dir=there/export",
    ]


def test_a_stage_is_not_refused_what_its_recipe_undoes(results):
    code, out, error = results["shared, and a recipe's own"]
    assert code == 0, error
    given = out.splitlines()
    assert given[:2] == ["train", "--dataset=cifar10"]
    assert "--dataset=digits" in given
    # A tool refuses a flag that a file behind it undoes.
    assert not any(flag.startswith("--flagfile") for flag in given)


def test_stages_that_are_left_out_hand_nothing_on(results):
    code, out, error = results["without pretraining"]
    assert code == 0, error
    assert [line for line in out.splitlines() if line[0] != "-"] == [
        "search",
        "train",
        "evaluate",
    ]
    assert "--init_from" not in out


def test_what_lies_there_of_an_earlier_call_is_gone_on_from(results):
    code, out, error = results["an old transfer"]
    assert code == 0, error
    assert "--genotype=" in out
    assert "--init_from" not in out


def test_without_test_images_nothing_is_evaluated_unless_asked(results):
    code, out, error = results["no test images"]
    assert code == 0, error
    assert "has no test images: no evaluation." in out
    assert "evaluate" not in out.splitlines()
    assert "export" in out.splitlines()
    for case in ("evaluation asked for", "evaluated elsewhere"):
        assert "evaluate" in results[case][1].splitlines()


def test_the_data_set_is_that_of_all_stages_that_name_none(results):
    code, out, error = results["shared"]
    assert code == 0, error
    lines = out.splitlines()
    # The last one wins.
    assert lines[1:4] == [
        "--dataset=cifar10",
        "--data_dir=DIR",
        "--dataset=cifar100",
    ]
    assert lines[lines.index("train") + 1] == "--dataset=cifar10"


def test_a_stage_that_fails_ends_it_with_its_code(results):
    code, out, error = results["a failing training"]
    assert code == 4
    assert "evaluate" not in out
    assert "tools.train ended with 4." in error


def test_a_stage_that_is_killed_is_told_and_ends_it_as_a_shell_does(results):
    code, out, error = results["a killed training"]
    assert code == 137
    assert "evaluate" not in out
    said = "tools.train was killed by SIGKILL; the same command goes on."
    assert said in error


@pytest.mark.parametrize("name", ["digits", "own images"])
def test_a_recipe_can_be_run(results, name):
    code, out, error = results[name]
    assert code == 0, error
    assert out.count("--run_dir=") >= 5


def test_a_stage_that_has_outlived_a_pipeline_is_waited_for(tmp_path):
    (tmp_path / "train").mkdir()
    holder = (
        "import fcntl\n"
        f"lock = open({str(tmp_path / 'train' / '.lock')!r}, 'a')\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "stages.time.sleep = lambda seconds: lock.close()\n"
    )
    flags = [f"--run_dir={tmp_path}", "--stages=search,train"]
    ((code, out, error),) = one_process.run(
        "pipeline", [(UNCHECKED + holder, flags)]
    )
    assert code == 0, error
    lines = out.splitlines()
    waiting = f"{tmp_path}/train is in use by another process; waiting for it."
    assert lines.index("search") < lines.index(waiting) < lines.index("train")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("quotation", "--train_flags='open cannot be read"),
        ("stage", "--stages=search,serve is not valid: choose among search,"),
        ("no stage", "--stages= is not valid"),
        ("flag", "--pretrain_flags: Unknown command line flag 'epoch'"),
        ("value", "--train_flags: --epochs=0 is not valid"),
        ("word", "--search_flags: unexpected argument 'epochs=3'"),
        ("export", "--export_flags: "),
        ("networks", "--init_channels=8 and --train_flags --init_channels=16"),
    ],
)
def test_flags_of_any_stage_are_refused_before_the_first(results, name, part):
    code, out, error = results[name]
    assert code == 2
    assert part in error
    assert len(error.splitlines()) == 1, error
    assert not out


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of unlabelled images and a few with labels."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    parts = {
        "unlabelled": 24,
        "train/dark": 6,
        "train/light": 6,
        "test/dark": 2,
        "test/light": 2,
    }
    for part, count in parts.items():
        (folder / part).mkdir(parents=True)
        for number in range(count):
            light = "light" in part or ("un" in part and number % 2)
            image = rng.integers(0, 90, (16, 16, 3)) + 160 * light
            png = tf.io.encode_png(image.astype(np.uint8)).numpy()
            (folder / part / f"{number}.png").write_bytes(png)
    return folder


def begin(run_dir, flags, stage, checkpoints):
    """Starts a pipeline; returns it when a stage has so many checkpoints."""
    process = commands.start("pipeline", f"--run_dir={run_dir}", *flags)
    deadline = time.monotonic() + 400
    while train_test.last_checkpoint(run_dir / stage) < checkpoints:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def child_of(process):
    """Returns the number of the stage's process."""
    tasks = pathlib.Path(f"/proc/{process.pid}/task")
    (child,) = (tasks / f"{process.pid}/children").read_text().split()
    return int(child)


@pytest.mark.large
def test_a_folder_becomes_the_same_model_in_use_however_it_is_killed(
    pictures, tmp_path
):
    settings = {**commands.TINY, "max_images": 0, "epochs": 1}
    search = " ".join(commands.to_flags(settings))
    size = "--init_channels=2 --num_cells=1 --image_size=16 --batch_size=4"
    flags = [
        "--dataset=folder",
        f"--data_dir={pictures}",
        f"--search_flags={search}",
        f"--pretrain_flags={size} --patch_size=4 --epochs=3 "
        f"--checkpoint_minutes=0",
        f"--train_flags={size} --epochs=3 --auxiliary_weight=0 --cutout=4 "
        f"--labels_per_class=4 --validation_fraction=0 "
        f"--checkpoint_minutes=0",
        "--evaluate_flags=--batch_size=4",
        "--export_flags=--formats=saved_model",
    ]
    run = tmp_path / "run"
    # The stage alone: the pipeline tells, and leaves the next one alone.
    process = begin(run, flags, "pretrain", 2)
    os.kill(child_of(process), signal.SIGKILL)
    out, error = process.communicate(timeout=200)
    assert process.returncode == 137, out + error
    assert "tools.pretrain was killed by SIGKILL; the same" in error
    assert not (run / "train").exists()
    process = begin(run, flags, "pretrain", 4)
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=200)
    assert process.returncode == 3, out + error
    # The pipeline alone: its stage goes on, and the next call waits for it.
    process = begin(run, flags, "train", 2)
    process.kill()
    process.communicate(timeout=200)
    code, out, error = commands.run("pipeline", f"--run_dir={run}", *flags)
    assert code == 0, out + error
    whole = tmp_path / "whole"
    code, out, error = commands.run("pipeline", f"--run_dir={whole}", *flags)
    assert code == 0, out + error
    for stage in ("search", "pretrain", "train"):
        counters, variables = commands.checkpoint(run / stage)
        expected = commands.checkpoint(whole / stage)
        assert counters["epoch"] == expected[0]["epoch"]
        assert variables == expected[1]
    check_model(run)


def check_model(run):
    summaries = {
        name: json.loads((run / name / "summary.json").read_text())
        for name in ("search", "pretrain", "train")
    }
    assert summaries["search"]["num_images"] == 36
    assert summaries["pretrain"]["num_images"] == 36
    assert summaries["search"]["num_labels_read"] == 0
    assert summaries["pretrain"]["num_labels_read"] == 0
    assert summaries["train"]["num_labels_read"] == 8
    assert (run / "train" / "evaluation.json").exists()
    model = tf.saved_model.load(run / "export" / "saved_model/1")
    served = model.signatures["serving_default"]
    (given,) = served.structured_input_signature[1]
    answer = served(**{given: tf.ones((1, 16, 16, 3))})
    (probabilities,) = (v for v in answer.values() if v.shape == (1, 2))
    assert probabilities.numpy().sum() == pytest.approx(1.0, abs=1e-5)
