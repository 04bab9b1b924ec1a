"""Tests of `maenas_tf.data.share`."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.data.array_images import ArrayImages
from maenas_tf.data.augment import CropAndFlip
from maenas_tf.data.pipeline import bilevel_dataset
from maenas_tf.data.share import WHOLE, Share, present_share, sharing

COUNT, BATCH = 48, 8
STEPS = COUNT // 2 // BATCH


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Counted(ArrayImages):
    """Knows which images were read."""

    read_ones: list = dataclasses.field(default_factory=list)

    def fetch(self, index):
        def note(number):
            self.read_ones.append(int(number))
            return number

        index = tf.py_function(note, [index], tf.int64)
        index.set_shape([])
        return super().fetch(index)


def make_images():
    rng = np.random.default_rng(0)
    return Counted(
        name="counted",
        images=rng.integers(0, 256, (COUNT, 4, 4, 3)).astype(np.uint8),
    )


def make_dataset(images, start_step=0):
    return bilevel_dataset(
        images,
        example_map=lambda example, seed: example["image"],
        batch_size=BATCH,
        seed=5,
        epoch=1,
        augmentation=CropAndFlip(),
        start_step=start_step,
        with_labels=False,
    )


def batches(share, start_step=0):
    """Returns each half's steps [steps, worker's part of B, ...], and what
    was read for them."""
    images = make_images()
    with sharing(share):
        dataset = make_dataset(images, start_step)
    found = list(dataset.as_numpy_iterator())
    stacked = {
        half: np.stack([batch[half] for batch in found]).reshape(
            -1, BATCH // share.workers, 4, 4, 3
        )
        for half in ("weights", "alphas")
    }
    return stacked, images.read_ones


@pytest.mark.parametrize(("workers", "replicas"), [(1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize("start_step", [0, 1])
def test_the_parts_of_the_workers_are_the_whole_batches(
    workers, replicas, start_step
):
    whole, read = batches(WHOLE, start_step)
    assert len(whole["weights"]) == STEPS - start_step
    parts = [
        batches(Share(workers, worker, replicas), start_step)
        for worker in range(workers)
    ]
    for half, expected in whole.items():
        joined = np.concatenate([part[half] for part, _ in parts], axis=1)
        np.testing.assert_array_equal(joined, expected)
    assert sorted(sum((own for _, own in parts), [])) == sorted(read)


def test_no_image_is_read_by_two_workers():
    (_, first), (_, second) = (batches(Share(2, w)) for w in range(2))
    assert len(first) == len(second) == COUNT // 2
    assert not set(first) & set(second)


def test_a_step_falls_to_the_replicas_one_after_another():
    with sharing(Share(2, 1, 2)):
        dataset = make_dataset(make_images())
    first = next(dataset.as_numpy_iterator())
    assert len(first["weights"]) == BATCH // 4
    whole, _ = batches(WHOLE)
    np.testing.assert_array_equal(first["weights"], whole["weights"][0][4:6])


def test_what_is_not_said_holds_no_longer_than_its_block():
    with sharing(Share(2)):
        assert present_share() == Share(2)
    assert present_share() == WHOLE


def test_a_batch_that_cannot_be_shared_equally_is_refused():
    with sharing(Share(3)), pytest.raises(ValueError, match="batch_size=8"):
        make_dataset(make_images())
