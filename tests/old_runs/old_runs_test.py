"""Runs of an older version can be gone on with, evaluated and exported.

The two directories here were written by commit b39c308 and stopped in the
second of two epochs; from their config.json a few settings were taken out, as
a yet older version would not have known them. TensorBoard's files, plots,
flags.txt and last.keras were left out.
"""

from __future__ import annotations

import json
import pathlib
import shutil

import pytest

from maenas_tf.runs.csv_files import read_rows
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.serving.export import export
from maenas_tf.training import run_evaluation
from maenas_tf.training.config import TrainConfig
from maenas_tf.training.experiment import TrainExperiment
from maenas_tf.training.trained_run import load_trained

HERE = pathlib.Path(__file__).parent
SHARED = {
    "init_channels": 2,
    "num_cells": 1,
    "image_size": 16,
    "batch_size": 4,
    "epochs": 2,
}
# What the same commands ask for today.
SEARCH = SearchConfig(
    **SHARED,
    space="nasbench201",
    max_images=16,
    patch_size=4,
    decoder_width=2,
    warmup_epochs=0,
)
TRAIN = TrainConfig(
    **SHARED,
    genotype="|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+"
    "|skip_connect~0|nor_conv_1x1~1|none~2|",
    max_images=20,
    cutout=4,
)


BEFORE = {"crop_padding": "zero", "background": "none"}


def copy(name, folder):
    return pathlib.Path(shutil.copytree(HERE / name, folder / name))


@pytest.mark.parametrize(
    ("name", "config", "missing", "before"),
    [
        (
            "search",
            SEARCH,
            {"alpha_average", "hessian_every", "recompute"},
            BEFORE,
        ),
        (
            "train",
            TRAIN,
            {"label_smoothing", "stem"},
            {"validation_split": "random", **BEFORE},
        ),
    ],
)
def test_a_setting_that_an_older_run_does_not_know_is_as_it_was_without(
    name, config, missing, before
):
    text = (HERE / name / "config.json").read_text()
    known = set(json.loads(text))
    assert missing <= set(type(config).settings()) - known
    there = type(config).from_json(text)
    begun = config.as_begun(text)
    # The weight of an auxiliary head is told by the run, not by the default.
    assert set(there.differences(begun)) <= {"auxiliary_weight"}
    held_before = {n: getattr(begun, n) for n in begun.differences(config)}
    assert held_before == before


@pytest.mark.parametrize(
    ("name", "config", "experiment"),
    [
        ("search", SEARCH, SearchExperiment),
        ("train", TRAIN, TrainExperiment),
    ],
)
def test_an_older_run_goes_on_to_its_end(
    name, config, experiment, tmp_path, capsys
):
    run_dir = copy(name, tmp_path)
    before = read_rows(run_dir / "history.csv")
    going_on = experiment(config, run_dir)
    # It was begun when crops were padded with black, and ends so.
    assert going_on.config.crop_padding == "zero"
    assert going_on.config.background == "none"
    result = going_on.run()
    said = capsys.readouterr().out
    assert "going on after 1 steps of epoch 2" in said
    assert "is older than --crop_padding and goes on with zero" in said
    after = read_rows(run_dir / "history.csv")
    assert [row["epoch"] for row in after] == ["0", "1"]
    assert after[:1] == before
    assert result.summary["steps"] == 2 * experiment_steps(name)


def experiment_steps(name):
    """Returns the steps of an epoch: 8 pairs of images, or 18 images.

    A stratified split, which came later, would leave 10 of the 20 images.
    """
    return {"search": 2, "train": 4}[name]


def test_an_older_training_is_evaluated_and_exported(tmp_path):
    trained = load_trained(copy("train", tmp_path))
    assert trained.config.stem == "cifar"
    images = run_evaluation.load_evaluation_images(trained, max_images=8)
    report = run_evaluation.evaluate_run(trained, images, "test", 8)
    assert report["num_images"] == 8
    export(trained, tmp_path / "exported", ["keras"])
    assert (tmp_path / "exported" / "model.keras").exists()
