"""Tests of the recipes in flags/recipes, read as flag files are."""

from __future__ import annotations

import pytest

from maenas_tf.config.data import ZERO
from tests.flags.recipes import FOLDER, read_recipe

# Those of pipelines are of several tools (tests/tools/pipeline_test.py).
RECIPES = [
    path
    for path in sorted(FOLDER.glob("*.flags"))
    if not path.stem.startswith("pipeline_")
]
every_recipe = pytest.mark.parametrize(
    "path", RECIPES, ids=[path.stem for path in RECIPES]
)


@every_recipe
def test_a_recipe_is_a_configuration(path):
    assert read_recipe(path).epochs > 1


@every_recipe
def test_what_was_published_or_measured_with_black_borders_keeps_them(path):
    config = read_recipe(path)
    if getattr(config, "algorithm", "") == "training_free":
        return  # It augments nothing.
    if config.dataset in ("cifar10", "cifar100", "digits") and config.augment:
        assert config.crop_padding == ZERO


@every_recipe
def test_channels_fill_the_blocks_that_processors_compute_in(path):
    # Fewer than 8 take as long on a CPU. Two results were recorded with fewer.
    if path.stem not in ("darts_cifar10_cpu", "pasted_digits_detector"):
        assert read_recipe(path).init_channels >= 8


@pytest.mark.parametrize("name", ["own_images", "own_images_hour"])
def test_own_images_take_as_many_steps_however_many_they_are(name):
    config = read_recipe(FOLDER / f"{name}.flags")
    assert config.dataset == "folder"
    assert config.steps_per_epoch > 0
    assert config.batch_size <= 200 // 2
    assert config.crop_padding == "reflect"
    # One search is a gamble.
    assert config.restarts >= 5


@pytest.mark.parametrize(
    "path", [p for p in RECIPES if "imagenet" in p.stem], ids=lambda p: p.stem
)
def test_imagenet_is_cropped_and_evaluated_as_published(path):
    config = read_recipe(path)
    assert (config.image_size, config.stem) == (224, "imagenet")
    assert (config.crop, config.crop_area) == ("resized", 0.08)
    assert config.center_crop == 224 / 256


def test_pc_darts_takes_the_published_parts_of_imagenet():
    config = read_recipe(FOLDER / "pc_darts_imagenet.flags")
    parts = config.weight_image_fraction, config.alpha_image_fraction
    assert parts == (0.1, 0.025)
    assert config.partial_channels == 2
