"""Tests of `maenas_tf.data.held_out`."""

from __future__ import annotations

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.data.augment import CropAndFlip
from maenas_tf.data.held_out import (
    num_held_out,
    part_dataset,
    part_steps,
    split_held_out,
)
from tests.searching import small


def test_a_small_part_is_held_out_by_default():
    assert num_held_out(15_000) == 256
    assert num_held_out(100) == 20
    assert num_held_out(2) == 1
    assert num_held_out(100, 50) == 50


@pytest.mark.parametrize("count", [(100, 51), (1, 0)])
def test_more_than_half_cannot_be_held_out(count):
    with pytest.raises(ConfigError, match="give"):
        num_held_out(*count)


def test_the_parts_are_disjoint_and_all_there_is():
    trained, held_out = split_held_out(100, 30, 0)
    assert (len(trained), len(held_out)) == (70, 30)
    assert sorted([*trained, *held_out]) == list(range(100))
    again, other = split_held_out(100, 30, 0), split_held_out(100, 30, 1)
    np.testing.assert_array_equal(trained, again[0])
    assert (held_out != other[1]).any()


def test_a_batch_fits_the_images_left():
    assert part_steps(10, 4) == 2
    with pytest.raises(ConfigError, match="--batch_size=11.*from 1 to 10"):
        part_steps(10, 11)


def batches(**settings):
    images = small.make_images(20)
    dataset = part_dataset(
        images,
        np.arange(3, 14),
        example_map=lambda example, seed: {**example, "seed": seed},
        batch_size=4,
        seed=0,
        with_labels=False,
        **{"epoch": 0, "augmentation": CropAndFlip(), **settings},
    )
    return list(dataset.as_numpy_iterator())


def test_an_epoch_is_the_part_in_an_order_of_its_own():
    first, second = batches(), batches(epoch=1)
    indices = [np.concatenate([b["index"] for b in e]) for e in (first, second)]
    for found in indices:
        assert len(set(found)) == 8
        assert set(found) <= set(range(3, 14))
    assert (indices[0] != indices[1]).any()
    plain = batches(shuffle=False)
    assert plain[0]["index"].tolist() == [3, 4, 5, 6]


def test_going_on_late_in_an_epoch_is_skipping_its_first_steps():
    (late,) = batches(start_step=1)
    expected = batches()[1]
    for key, value in expected.items():
        np.testing.assert_array_equal(late[key], value)
