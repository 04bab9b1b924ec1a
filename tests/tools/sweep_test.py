"""`python -m tools.sweep`, from the command to the files that it leaves."""

import json

import pytest

from tests.tools import commands, one_process

# The patches of digits, 32x32, are 16: the small ratio masks none of them,
# which a search says when it has seen its images.
SETTINGS = {
    **commands.TINY,
    "image_size": 0,
    "patch_size": 8,
    "max_images": 32,
    "epochs": 1,
    "grid": "mask_ratio=0.01,0.5",
}
GOOD, BAD = "mask_ratio=0.5__seed=0", "mask_ratio=0.01__seed=0"


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The directory of a sweep with a run that fails, and its output."""
    folder = tmp_path_factory.mktemp("sweep") / "runs"
    flags = commands.to_flags({**SETTINGS, "sweep_dir": folder})
    return folder, *commands.run("sweep", *flags, TF_CPP_MIN_LOG_LEVEL="3")


def test_some_failed_ends_with_code_5_and_lists_them(swept):
    folder, code, out, error = swept
    assert code == 5, error
    assert error == "1 of 2 runs failed.\n"
    last = out.splitlines()[-1]
    assert last.startswith(f"failed: {BAD}: exit code 2: ")
    assert "masks 0 of the 16" in last
    assert last.endswith(f"{folder / BAD}.log")
    events = [line.split(": ")[0] for line in out.splitlines()]
    assert events.count("starts") == 2
    assert "\x1b" not in out


def test_each_run_has_a_directory_a_log_and_its_settings(swept):
    folder = swept[0]
    summary = json.loads((folder / GOOD / "summary.json").read_text())
    assert summary["num_images"] == 32
    config = json.loads((folder / GOOD / "config.json").read_text())
    assert config["mask_ratio"] == 0.5
    assert config["init_channels"] == commands.TINY["init_channels"]
    assert "Found in" in (folder / f"{GOOD}.log").read_text()
    record = json.loads((folder / "sweep.json").read_text())
    assert record["tool"] == "search"
    assert record["grid"] == {"mask_ratio": [0.01, 0.5]}
    assert record["seeds"] == [0]
    assert record["runs"] == [BAD, GOOD]


BAD_INPUT = {
    "value": (["--grid=mask_ratio=2"], "--mask_ratio=2.0"),
    "name": (["--grid=mask_rato=0.5"], "'mask_ratio'"),
    "seeds": (["--seeds=0,x"], "--seeds=0,x"),
    "seed and seeds": (["--seeds=0,1", "--seed=3"], "--seed=3"),
    "jobs": (["--jobs=-1"], "--jobs=-1"),
    "executor": (["--executor=rai"], "Did you mean 'ray'"),
    "no effect": (["--job_gpus=1"], "--job_gpus=1.0 has no effect"),
    "nobody": (
        ["--executor=ray", "--ray_address=127.0.0.1:1"],
        "--ray_address=127.0.0.1:1: nobody answers there",
    ),
    "address": (["--executor=ray", "--ray_address=ray://x:1"], "ray://x:1"),
    "url": (["--sweep_dir=gs://bucket/sweep"], "gs://bucket/sweep is a URL"),
    "tool": (["--tool=trains"], "trains"),
    "genotype": (["--tool=train", "--genotype=DARTS_V9"], "DARTS_V9"),
    "training": (["--tool=train", "--grid=mask_ratio=0.5"], "tools.train"),
    "stage": (
        ["--tool=pipeline", "--search_flags=--epochs=0"],
        "--search_flags: --epochs=0",
    ),
    "stage's": (
        ["--tool=pipeline", "--grid=train.epochs=1,0", "--stages=train"],
        "The combination train.epochs=0: --train_flags: --epochs=0",
    ),
    "stage's name": (
        ["--tool=pipeline", "--grid=mask_ratio=0.5"],
        "Did you mean 'search.mask_ratio'",
    ),
    "stage's seed": (["--tool=pipeline", "--grid=train.seed=1"], "--seeds="),
    "no directory": (["--sweep_dir="], "--sweep_dir is missing"),
    "resume": (["--noresume"], "noresume"),
}


STOP = """
import maenas_tf.sweeps.sweep as it
def stop(self, runs, directory, *rest, **more):
    raise it.ConfigError(str(directory))
it.Sweep.__init__ = stop
"""


@pytest.fixture(scope="module")
def later(swept):
    """Name of a case to exit code, stdout and stderr, after the sweep."""
    folder = swept[0]
    good = {**SETTINGS, "grid": "mask_ratio=0.5", "sweep_dir": folder}
    new = f"--sweep_dir={folder.parent}/new"
    cases = {
        "again": ("", commands.to_flags(good)),
        "other": ("", commands.to_flags({**good, "batch_size": 4})),
        **{
            name: ("", [new, *arguments])
            for name, (arguments, _) in BAD_INPUT.items()
        },
        "recipe": (STOP, ["--run_dir=some/recipe/", "--seeds=0,1"]),
    }
    found = one_process.run("sweep", list(cases.values()))
    return dict(zip(cases, found, strict=True))


def test_again_it_starts_nothing_that_is_done(later):
    code, out, error = later["again"]
    assert code == 0, error
    assert "1 runs, 1 done before" in out
    assert "starts" not in out


def test_a_sweep_of_other_settings_in_its_place_is_refused(later):
    code, _, error = later["other"]
    assert code == 2
    assert "--batch_size=4 (there: 8)" in error


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_one_sentence_and_starts_nothing(swept, later, name):
    code, _, error = later[name]
    assert code == 2, error
    assert BAD_INPUT[name][1] in error
    assert "Traceback" not in error
    assert not (swept[0].parent / "new").exists()


def test_a_recipes_run_dir_names_the_directory_of_the_sweep(later):
    code, _, error = later["recipe"]
    assert (code, error.strip()) == (2, "some/recipe_sweep")
