"""Tests of the recipes in flags/recipes, read as flag files are."""

from __future__ import annotations

import pathlib

import pytest

from maenas_tf.config.data import ZERO
from maenas_tf.searching.config import SearchConfig
from maenas_tf.training.config import TrainConfig

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECIPES = sorted((ROOT / "flags" / "recipes").glob("*.flags"))
every_recipe = pytest.mark.parametrize(
    "path", RECIPES, ids=[path.stem for path in RECIPES]
)


def read_flags(path):
    """Returns name to text; what a file includes is there in its place."""
    found = {}
    for line in path.read_text().splitlines():
        if line.startswith("--flagfile="):
            found |= read_flags(ROOT / line.removeprefix("--flagfile="))
        elif line.startswith("--"):
            name, _, value = line.removeprefix("--").partition("=")
            found[name] = value
    return found


def read_recipe(path):
    """Returns the configuration that a recipe asks for."""
    config_class = SearchConfig
    if "_train_" in f"{path.stem}_":
        config_class = TrainConfig
    values = {}
    for name, text in read_flags(path).items():
        if name == "run_dir":
            continue
        declared = config_class.settings().get(name)
        if declared is None:  # --noSETTING
            values[name.removeprefix("no")] = False
        elif isinstance(declared.default, bool):
            values[name] = True
        else:
            values[name] = type(declared.default)(text)
    return config_class(**values)


@every_recipe
def test_a_recipe_is_a_configuration(path):
    assert read_recipe(path).epochs > 1


@every_recipe
def test_what_was_published_or_measured_with_black_borders_keeps_them(path):
    config = read_recipe(path)
    if getattr(config, "algorithm", "") == "training_free":
        return  # It augments nothing.
    if config.augment and config.dataset in ("cifar10", "cifar100", "digits"):
        assert config.crop_padding == ZERO


@every_recipe
def test_channels_fill_the_blocks_that_processors_compute_in(path):
    # Fewer than 8 take as long on a CPU. One result was recorded with 4.
    if path.stem != "darts_cifar10_cpu":
        assert read_recipe(path).init_channels >= 8


@pytest.mark.parametrize("name", ["own_images", "own_images_hour"])
def test_own_images_take_as_many_steps_however_many_they_are(name):
    config = read_recipe(ROOT / "flags" / "recipes" / f"{name}.flags")
    assert config.dataset == "folder"
    assert config.steps_per_epoch > 0
    assert config.batch_size <= 200 // 2
    assert config.crop_padding == "reflect"
