"""Tests of `maenas_tf.training.trained_run`."""

import json
import shutil

import keras
import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.data.identity import DataIdentity
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.models.network import Network
from maenas_tf.runs.data_record import record_data
from maenas_tf.searching.config import SearchConfig
from maenas_tf.training.config import TrainConfig
from maenas_tf.training.trained_run import (
    TrainedRun,
    load_trained,
)
from tests.training import trained


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return trained.make_run(tmp_path_factory.mktemp("run") / "a", "nasbench201")


@pytest.fixture
def run(original, tmp_path):
    """A copy that a test may change."""
    shutil.copytree(original, tmp_path / "run")
    return tmp_path / "run"


def change(path, **values):
    content = {**json.loads(path.read_text()), **values}
    path.write_text(json.dumps(content))


def test_everything_comes_back_from_the_directory_alone(run):
    found = load_trained(run)
    assert isinstance(found, TrainedRun)
    assert found.path == run
    assert found.config.genotype == str(found.network.genotype)
    preprocessing = found.preprocessing
    assert preprocessing.image_size == trained.SIZE
    assert preprocessing.mean == trained.MEAN
    assert preprocessing.std == trained.STD
    assert preprocessing.class_names == trained.CLASS_NAMES
    assert preprocessing.dataset == "digits"
    assert type(preprocessing).from_json(preprocessing.to_json()) == (
        preprocessing
    )


def test_a_run_without_rules_for_pixels_has_those_of_its_time(run):
    path = run / "preprocessing.json"
    content = json.loads(path.read_text())
    del content["pixels"]
    path.write_text(json.dumps(content))
    assert load_trained(run).preprocessing.pixels == PixelRules("none")
    change(path, pixels={"background": "green"})
    with pytest.raises(ConfigError, match="--background=green"):
        load_trained(run)


def other_network(run, **changes):
    config = load_trained(run).network.get_config()
    return Network(**{**config, **changes})


def test_best_and_last_are_told_apart(run):
    best = other_network(run)
    best.save(run / "best.keras")
    change(run / "config.json", validation_fraction=0.1)
    images = np.ones((1, 32, 32, 3), np.float32)
    for which, network in (("best", best), ("last", None)):
        found = load_trained(run, which)
        assert found.checkpoint == which
        same = np.array_equal(found.network(images), best(images))
        assert same == (network is best)


def test_without_validation_images_the_last_is_taken_and_said(run):
    assert load_trained(run, "best").checkpoint == "last"


def test_the_directory_is_not_changed(run):
    before = sorted(path.name for path in run.iterdir())
    load_trained(run)
    assert sorted(path.name for path in run.iterdir()) == before


def remove(run, name):
    (run / name).unlink()


def damage(run, name):
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[: len(content) // 2])


def write(run, name, text):
    (run / name).write_text(text)


BAD = {
    "no configuration": (lambda run: remove(run, "config.json"), "config.json"),
    "a search": (
        lambda run: write(run, "config.json", SearchConfig().to_json()),
        "not that of a training",
    ),
    "no preprocessing": (
        lambda run: remove(run, "preprocessing.json"),
        "preprocessing.json",
    ),
    "no mean": (
        lambda run: write(run, "preprocessing.json", '{"image_size": 32}'),
        "lacks mean",
    ),
    "a mean that is no list": (
        lambda run: change(run / "preprocessing.json", mean=3),
        "a value is wrong",
    ),
    "a mean of two channels": (
        lambda run: change(run / "preprocessing.json", mean=[0.5, 0.5]),
        "mean is not of three finite numbers",
    ),
    "an endless size": (
        lambda run: change(run / "preprocessing.json", image_size=1e999),
        "a value is wrong",
    ),
    "a white that is a text": (
        lambda run: change(
            run / "preprocessing.json",
            pixels={"background": "white", "integer_white": "a"},
        ),
        "integer_white='a' is no value of white",
    ),
    "no model": (lambda run: remove(run, "last.keras"), "last.keras yet"),
    "no best model": (
        lambda run: change(run / "config.json", validation_fraction=0.5),
        "best.keras yet",
    ),
    "half a model": (
        lambda run: damage(run, "last.keras"),
        "last.keras that cannot be read",
    ),
    "no Keras file": (
        lambda run: write(run, "last.keras", "model"),
        "last.keras that cannot be read",
    ),
    "another model": (
        lambda run: keras.Sequential([keras.Input((2,))]).save(
            run / "last.keras"
        ),
        "is a Sequential",
    ),
    "another architecture": (
        lambda run: write(
            run,
            "genotype.json",
            '{"space": "nasbench201", "arch": "|none~0|+|none~0|none~1|+'
            '|none~0|none~1|skip_connect~2|"}',
        ),
        "another architecture",
    ),
    "no genotype": (
        lambda run: write(run, "genotype.json", "{}"),
        "genotype.json cannot be read",
    ),
    "other classes": (
        lambda run: change(run / "preprocessing.json", class_names=["a"]),
        "3 classes, but its preprocessing.json names 1",
    ),
    "other classes than were read": (
        lambda run: record_data(
            run, DataIdentity("digits", "train", 9, 32, ("a", "b")), True
        ),
        "other classes than its data.json",
    ),
    "another size": (
        lambda run: change(run / "preprocessing.json", image_size=64),
        "32 pixels a side, but its preprocessing.json names 64",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_directory_that_does_not_fit_is_one_sentence(name, run):
    spoil, part = BAD[name]
    spoil(run)
    with pytest.raises(ConfigError) as caught:
        load_trained(run)
    message = str(caught.value)
    assert part in message
    assert f"--run_dir={run}" in message
    assert "\n" not in message


def test_a_missing_directory_and_a_wrong_choice_are_errors(run):
    with pytest.raises(ConfigError, match="does not exist"):
        load_trained(run / "none")
    with pytest.raises(ConfigError, match="is empty"):
        load_trained("")
    with pytest.raises(ConfigError, match="best, last"):
        load_trained(run, "first")


def test_the_configuration_is_that_of_a_training(run):
    assert isinstance(load_trained(run).config, TrainConfig)
