"""Tests of `maenas_tf.data.pipeline`."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data import pipeline
from maenas_tf.data.arrays import from_arrays
from maenas_tf.data.augment import Augmentation, CropAndFlip
from maenas_tf.data.masking import random_patch_mask


@pytest.fixture(scope="module")
def image_set():
    """Images whose every pixel is the image's index."""
    images = np.zeros((23, 8, 8, 3), np.uint8)
    images += np.arange(23, dtype=np.uint8).reshape(-1, 1, 1, 1)
    made = from_arrays(images, labels=np.arange(23) % 5)
    return dataclasses.replace(made, mean=(0.0,) * 3, std=(1.0,) * 3)


def mask_map(example, seed):
    return {**example, "mask": random_patch_mask((4, 4), 8, seed)}


def keep(example, seed):
    del seed
    return example


def build(image_set, **changes):
    options = {
        "example_map": mask_map,
        "batch_size": 3,
        "seed": 1,
        "epoch": 0,
        "augmentation": CropAndFlip(),
        "with_labels": False,
        **changes,
    }
    return pipeline.bilevel_dataset(image_set, **options)


def batches(dataset):
    return list(dataset.as_numpy_iterator())


def indices(dataset, half):
    """The indices of an unaugmented epoch's images, in order."""
    seen = [batch[half]["image"][:, 0, 0, 0] for batch in dataset]
    return np.rint(np.concatenate(seen) * 255).astype(int).tolist()


def assert_same(first, second):
    assert len(first) == len(second)
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


@pytest.mark.parametrize("num_images", [2, 3, 50, 51])
def test_halves_are_disjoint_equal_and_repeatable(num_images):
    weights, alphas = pipeline.split_halves(num_images, seed=4)
    assert len(weights) == len(alphas) == num_images // 2
    both = set(weights) | set(alphas)
    assert len(both) == 2 * (num_images // 2)
    assert both <= set(range(num_images))
    np.testing.assert_array_equal(
        pipeline.split_halves(num_images, 4)[0], weights
    )


def test_parts_may_be_of_any_size_and_are_drawn_by_the_seed():
    weights, alphas = pipeline.split_halves(200, 4, (0.1, 0.025))
    assert (len(weights), len(alphas)) == (20, 5)
    assert len({*weights, *alphas}) == 25
    half, _ = pipeline.split_halves(200, 4)
    np.testing.assert_array_equal(half[:20], weights)
    # A part that is a whole number of images but for rounding.
    assert len(pipeline.split_halves(290, 0, (0.1, 0.9))[0]) == 29
    with pytest.raises(ConfigError, match="--alpha_image_fraction=0.001 of"):
        pipeline.split_halves(200, 4, (0.1, 0.001))


def test_images_of_the_smaller_part_are_met_more_often(image_set):
    fractions = (0.6, 0.3)
    weights, alphas = pipeline.split_halves(23, 1, fractions)
    assert (len(weights), len(alphas)) == (13, 6)
    dataset = build(image_set, batch_size=3, fractions=fractions, start_step=0)
    assert len(list(dataset)) == 4 == pipeline.steps_per_epoch(23, 3, fractions)
    seen = indices(dataset, "alphas")
    assert sorted(seen) == sorted([*alphas, *alphas])
    assert set(indices(dataset, "weights")) <= set(weights)
    with pytest.raises(ConfigError, match="the smaller part.*from 1 to 6"):
        build(image_set, batch_size=7, fractions=fractions)


def test_another_seed_gives_another_split():
    first, _ = pipeline.split_halves(100, 0)
    second, _ = pipeline.split_halves(100, 1)
    assert set(first) != set(second)


def test_each_level_sees_only_its_half_and_each_image_once(image_set):
    halves = pipeline.split_halves(23, 1)
    for epoch in (0, 1):
        dataset = build(image_set, augmentation=Augmentation(), epoch=epoch)
        for name, half in zip(pipeline.HALVES, halves, strict=True):
            seen = indices(dataset, name)
            assert len(seen) == len(set(seen)) == 9  # 11 // 3 * 3
            assert set(seen) <= set(half)


def test_epoch_is_a_function_of_seed_and_epoch(image_set):
    first = batches(build(image_set, epoch=2))
    assert_same(first, batches(build(image_set, epoch=2)))
    for other in ({"epoch": 3}, {"epoch": 2, "seed": 2}):
        second = batches(build(image_set, **other))
        for name in pipeline.HALVES:
            assert not np.array_equal(
                first[0][name]["image"], second[0][name]["image"]
            )


@pytest.mark.parametrize("start_step", [0, 1, 2, 3])
def test_start_step_equals_skip(image_set, start_step):
    whole = build(image_set, epoch=5)
    assert_same(
        batches(build(image_set, epoch=5, start_step=start_step)),
        batches(whole.skip(start_step)),
    )


def _masks(image_set, **changes):
    """Map each image's index to its mask."""
    result = {}
    for batch in batches(
        build(image_set, augmentation=Augmentation(), **changes)
    ):
        for half in batch.values():
            keys = np.rint(half["image"][:, 0, 0, 0] * 255).astype(int)
            result.update(zip(keys.tolist(), half["mask"], strict=True))
    return result


def test_masks_are_fresh_for_each_image_and_epoch(image_set):
    first, second = _masks(image_set), _masks(image_set, epoch=1)
    assert len({mask.tobytes() for mask in first.values()}) == len(first) == 18
    common = set(first) & set(second)
    assert len(common) > 10
    for key in common:
        assert not np.array_equal(first[key], second[key])


def test_masks_do_not_depend_on_the_batch(image_set):
    first, second = _masks(image_set), _masks(image_set, batch_size=5)
    for key in set(first) & set(second):
        np.testing.assert_array_equal(first[key], second[key])


def test_augmentation_varies_between_epochs_and_images():
    image = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3))
    images = np.repeat(image, 20, axis=0).astype(np.uint8)
    made = from_arrays(images)
    seen = set()
    for epoch in (0, 1):
        for batch in batches(build(made, epoch=epoch, example_map=keep)):
            for half in batch.values():
                seen |= {picture.tobytes() for picture in half["image"]}
    assert len(seen) > 20  # of 36 drawn from 50 crops and flips


def test_images_are_normalised_before_the_task():
    rng = np.random.default_rng(0)
    made = from_arrays(rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8))
    batch = next(
        iter(
            build(
                made,
                batch_size=20,
                augmentation=Augmentation(),
                example_map=keep,
            )
        )
    )
    images = np.concatenate([batch[name]["image"] for name in batch])
    np.testing.assert_allclose(images.mean((0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(images.std((0, 1, 2)), 1, atol=1e-4)


def test_labels_appear_only_when_asked_for(image_set):
    plain = build(image_set, example_map=keep).element_spec
    assert set(plain) == {"weights", "alphas"}
    for half in plain.values():
        assert set(half) == {"image", "pixels", "index"}
        assert half["image"].shape == half["pixels"].shape == (3, 8, 8, 3)
        assert half["pixels"].dtype == tf.uint8
        assert half["image"].dtype == tf.float32
    labelled = build(
        image_set,
        example_map=keep,
        with_labels=True,
        augmentation=Augmentation(),
    )
    for batch in batches(labelled):
        for half in batch.values():
            index = np.rint(half["image"][:, 0, 0, 0] * 255).astype(int)
            np.testing.assert_array_equal(half["label"], index % 5)
            assert half["label"].dtype == np.int32


def test_an_example_knows_its_number_and_its_pixels(image_set):
    for batch in batches(build(image_set, example_map=keep)):
        for half in batch.values():
            # A crop mirrors the image, whose pixels are all its number.
            brightest = half["pixels"].max(axis=(1, 2, 3))
            np.testing.assert_array_equal(brightest, half["index"])
            np.testing.assert_allclose(
                half["pixels"] / 255, half["image"], atol=1e-6
            )


def test_labels_that_were_not_loaded_are_an_error():
    made = from_arrays(np.zeros((4, 8, 8), np.uint8))
    with pytest.raises(ValueError, match="without labels"):
        build(made, batch_size=1, with_labels=True)


def test_steps_drop_the_remainder():
    assert pipeline.steps_per_epoch(23, 3) == 3
    assert pipeline.steps_per_epoch(2, 1) == 1


@pytest.mark.parametrize(
    ("num_images", "batch_size", "message"),
    [
        (23, 12, "--batch_size=12.*from 1 to 11"),
        (23, 0, "--batch_size=0.*from 1 to 11"),
        (1, 1, "at least 2 images.*got 1"),
    ],
)
def test_too_few_images_for_a_batch(num_images, batch_size, message):
    with pytest.raises(ConfigError, match=message):
        pipeline.steps_per_epoch(num_images, batch_size)


def test_start_step_out_of_range_is_an_error(image_set):
    with pytest.raises(ValueError, match="start_step=4.*3 steps"):
        build(image_set, start_step=4)


@pytest.mark.parametrize("half", pipeline.HALVES)
def test_one_half_alone_is_what_it_is_beside_the_other(image_set, half):
    both = batches(build(image_set, epoch=2, start_step=1))
    alone = batches(build(image_set, epoch=2, start_step=1, only=(half,)))
    assert {tuple(batch) for batch in alone} == {(half,)}
    assert_same([batch[half] for batch in alone], [b[half] for b in both])
