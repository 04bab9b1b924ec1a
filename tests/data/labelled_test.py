"""Tests of `maenas_tf.data.labelled`."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data import labelled
from maenas_tf.data.arrays import from_arrays
from maenas_tf.data.augment import Augmentation, CropAndFlip

NUM_IMAGES = 23


@pytest.fixture(scope="module")
def image_set():
    """Images whose every pixel is the image's index, as is the label."""
    images = np.zeros((NUM_IMAGES, 8, 8, 3), np.uint8)
    images += np.arange(NUM_IMAGES, dtype=np.uint8).reshape(-1, 1, 1, 1)
    made = from_arrays(images, labels=np.arange(NUM_IMAGES))
    return dataclasses.replace(made, mean=(0.0,) * 3, std=(1 / 255,) * 3)


def training(image_set, **changes):
    options = {
        "indices": np.arange(NUM_IMAGES),
        "batch_size": 3,
        "seed": 1,
        "epoch": 0,
        "augmentation": CropAndFlip(cutout_size=4),
        **changes,
    }
    return labelled.training_dataset(image_set, **options)


def batches(dataset):
    return list(dataset.as_numpy_iterator())


def labels(dataset):
    return np.concatenate([b["label"] for b in batches(dataset)]).tolist()


def assert_same(first, second):
    assert len(first) == len(second) > 0
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def differ(first, second):
    return not np.array_equal(first[0]["image"], second[0]["image"])


def test_as_many_labels_of_each_class_are_chosen_by_the_seed():
    rng = np.random.default_rng(0)
    classes = rng.choice(3, 200, p=[0.7, 0.2, 0.1])
    names = ("a", "b", "c")

    def choose(count, seed=5):
        return labelled.choose_labelled(classes, names, count, seed)

    chosen = choose(4)
    assert np.bincount(classes[chosen]).tolist() == [4, 4, 4]
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(chosen, choose(4))
    assert set(chosen) != set(choose(4, seed=6))
    # So that what more labels bring is not another choice of images.
    assert set(chosen) < set(choose(8))
    np.testing.assert_array_equal(choose(0), np.arange(200))


def test_a_class_with_too_few_labels_is_named():
    with pytest.raises(ConfigError) as caught:
        labelled.choose_labelled(np.array([0, 0, 1, 0]), ("a", "b"), 2, 0)
    assert "more than the 1 images of the class 'b'" in str(caught.value)


@pytest.mark.parametrize(
    ("fraction", "held_out"), [(0.0, 0), (0.01, 1), (0.1, 5), (0.5, 25)]
)
def test_the_split_is_disjoint_complete_and_repeatable(fraction, held_out):
    same = np.zeros(50, int)
    train, validation = labelled.split_validation(same, fraction, seed=3)
    assert len(validation) == held_out
    assert sorted([*train, *validation]) == list(range(50))
    again = labelled.split_validation(same, fraction, seed=3)
    np.testing.assert_array_equal(again[1], validation)


def test_another_seed_holds_out_other_images():
    same = np.zeros(100, int)
    first = labelled.split_validation(same, 0.2, 0)[1]
    second = labelled.split_validation(same, 0.2, 1)[1]
    assert set(first) != set(second)


def test_a_random_split_is_that_of_earlier_versions():
    # Of commit b39c308, which knew no other.
    classes = np.arange(12) % 3
    _, validation = labelled.split_validation(classes, 0.25, 7, False)
    assert validation.tolist() == [2, 7, 11]


@pytest.mark.parametrize("fraction", [0.001, 0.1, 0.34, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("sizes", [[90, 10], [50, 30, 2, 1], [2] * 20])
def test_each_class_of_two_images_is_on_both_sides(sizes, fraction):
    classes = np.random.default_rng(0).permutation(
        np.repeat(np.arange(len(sizes)), sizes)
    )
    total = len(classes)
    if round(fraction * total) >= total:
        return
    train, validation = labelled.split_validation(classes, fraction, seed=3)
    assert sorted([*train, *validation]) == list(range(total))
    there = np.bincount(classes[train], minlength=len(sizes))
    held_out = np.bincount(classes[validation], minlength=len(sizes))
    for size, kept, taken in zip(sizes, there, held_out, strict=True):
        assert kept >= 1
        assert (taken >= 1) == (size >= 2)
        # By a whole image, where that leaves one on each side.
        assert abs(taken - np.clip(fraction * size, 1, size - 1)) <= 1


def test_a_stratified_split_holds_out_the_part_asked_for():
    classes = np.repeat(np.arange(3), [70, 20, 10])
    _, validation = labelled.split_validation(classes, 0.1, seed=0)
    assert np.bincount(classes[validation]).tolist() == [7, 2, 1]
    _, validation = labelled.split_validation(classes, 0.25, seed=0)
    assert len(validation) == 25


def test_a_split_of_classes_of_one_image_is_refused():
    with pytest.raises(ConfigError, match="the only one of its class"):
        labelled.split_validation(np.arange(5), 0.2, seed=0)
    train, validation = labelled.split_validation(np.arange(5), 0.0, seed=0)
    assert (len(train), len(validation)) == (5, 0)


def test_a_split_that_leaves_nothing_is_an_error():
    with pytest.raises(ConfigError, match="--validation_fraction=0.9"):
        labelled.split_validation(np.zeros(2, int), 0.9, 0)


def test_an_epoch_has_each_image_once_and_only_the_indices(image_set):
    indices = np.arange(0, NUM_IMAGES, 2)
    seen = labels(training(image_set, indices=indices))
    assert len(seen) == len(set(seen)) == 12
    assert set(seen) <= set(indices)
    assert seen != sorted(seen)


def test_labels_stay_with_their_images(image_set):
    dataset = training(image_set, augmentation=Augmentation())
    for batch in batches(dataset):
        expected = np.broadcast_to(
            batch["label"].reshape(-1, 1, 1, 1), batch["image"].shape
        )
        np.testing.assert_allclose(batch["image"], expected, atol=1e-4)


def test_an_epoch_is_a_function_of_seed_and_epoch(image_set):
    first = batches(training(image_set, epoch=2))
    assert_same(first, batches(training(image_set, epoch=2)))
    assert differ(first, batches(training(image_set, epoch=3)))
    assert differ(first, batches(training(image_set, epoch=2, seed=2)))


@pytest.mark.parametrize("start_step", [0, 1, 4, 7])
def test_starting_late_is_the_rest_of_the_epoch(image_set, start_step):
    whole = batches(training(image_set))
    rest = batches(training(image_set, start_step=start_step))
    assert len(whole) == labelled.training_steps(NUM_IMAGES, 3) == 7
    assert len(rest) == 7 - start_step
    if rest:
        assert_same(whole[start_step:], rest)


@pytest.mark.parametrize("steps", [2, 9])
def test_an_epoch_has_as_many_steps_as_are_asked_for(image_set, steps):
    whole = batches(training(image_set, epoch=1, steps=steps))
    assert len(whole) == steps
    rest = batches(training(image_set, epoch=1, steps=steps, start_step=1))
    assert_same(whole[1:], rest)


def test_the_batch_size_does_not_change_an_image(image_set):
    def by_label(batch_size):
        return {
            label: image
            for batch in batches(training(image_set, batch_size=batch_size))
            for image, label in zip(batch["image"], batch["label"], strict=True)
        }

    ones, threes = by_label(1), by_label(3)
    assert len(threes) == 21
    for label, image in threes.items():
        np.testing.assert_array_equal(image, ones[label])


def test_cutout_blanks_after_normalisation(image_set):
    mean = dataclasses.replace(image_set, mean=(0.5,) * 3)
    for batch in batches(training(mean, augmentation=Augmentation(4))):
        for image, label in zip(batch["image"], batch["label"], strict=True):
            blank = np.all(image == 0, axis=-1)
            assert 4 <= blank.sum() <= 16
            np.testing.assert_allclose(
                image[~blank], label - 127.5, atol=1e-4, rtol=0
            )


def test_wrong_sizes_and_missing_labels_are_errors(image_set):
    with pytest.raises(ConfigError, match="--batch_size=24"):
        training(image_set, batch_size=24)
    with pytest.raises(ValueError, match="start_step=8"):
        training(image_set, start_step=8)
    unlabelled = dataclasses.replace(image_set, labels=None)
    with pytest.raises(ValueError, match="without labels"):
        training(unlabelled)
    with pytest.raises(ValueError, match="without labels"):
        labelled.evaluation_dataset(unlabelled, 4)


def test_evaluation_sees_every_image_once_in_order_unchanged(image_set):
    dataset = batches(labelled.evaluation_dataset(image_set, 10))
    assert [len(batch["label"]) for batch in dataset] == [10, 10, 3]
    images = np.concatenate([batch["image"] for batch in dataset])
    np.testing.assert_array_equal(
        np.concatenate([batch["label"] for batch in dataset]),
        np.arange(NUM_IMAGES),
    )
    np.testing.assert_allclose(images, image_set.images, atol=1e-4)


def test_evaluation_of_some_images_sees_these(image_set):
    indices = np.array([20, 3, 7])
    (batch,) = batches(labelled.evaluation_dataset(image_set, 10, indices))
    np.testing.assert_array_equal(batch["label"], indices)
