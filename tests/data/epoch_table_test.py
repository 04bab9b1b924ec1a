"""Tests of `maenas_tf.data.epoch_table`."""

from __future__ import annotations

import collections
import types

import numpy as np
import pytest

from maenas_tf.config.random_streams import TRAINING_ORDER
from maenas_tf.data import epoch_table

IMAGES = types.SimpleNamespace(labels=np.arange(100) % 5)
# Three batches of 4 and one image that each pass leaves out.
INDICES = np.arange(20, 33)
ONE_PASS = 3


def table(epoch, steps=ONE_PASS, start_step=0, seed=7):
    return epoch_table.epoch_table(
        IMAGES,
        INDICES,
        TRAINING_ORDER,
        batch_size=4,
        seed=seed,
        epoch=epoch,
        steps=steps,
        start_step=start_step,
        with_labels=True,
    )


def joined(steps, epochs, name="index"):
    """Returns what all of the first epochs show, in one row."""
    parts = [table(epoch, steps)[name] for epoch in range(epochs)]
    return np.concatenate(parts)


@pytest.mark.parametrize("epoch", [0, 5])
def test_an_epoch_as_long_as_a_pass_is_the_pass_of_its_number(epoch):
    found = table(epoch)
    order = TRAINING_ORDER.generator(7, epoch).permutation(INDICES)[:12]
    expected = epoch_table.example_table(IMAGES, order, 7, epoch, True)
    assert list(found) == ["index", "seeds", "label"]
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize("steps", [1, 2, 4, 7])
@pytest.mark.parametrize("name", ["index", "seeds", "label"])
def test_epochs_of_any_length_are_cut_from_the_same_row_of_passes(steps, name):
    epochs = 2 * ONE_PASS
    expected = joined(ONE_PASS, 2 * steps, name)
    np.testing.assert_array_equal(joined(steps, epochs, name), expected)


def test_images_come_again_only_when_all_have_been_there():
    # Epochs of one step: three of them are a pass.
    seen = joined(1, 30).reshape(10, 12)
    assert all(len(set(found)) == 12 for found in seen)
    assert set(seen.ravel()) == set(INDICES)


def test_an_epoch_longer_than_a_pass_shows_images_with_other_seeds_each_time():
    found = table(0, steps=20)
    assert len(found["index"]) == 20 * 4
    counts = collections.Counter(found["index"].tolist())
    assert min(counts.values()) >= 2
    assert len(np.unique(found["seeds"].reshape(80, -1), axis=0)) == 80


@pytest.mark.parametrize("steps", [2, ONE_PASS, 8])
def test_what_is_left_of_an_epoch_is_its_end(steps):
    whole = table(3, steps)
    for start in range(steps + 1):
        rest = table(3, steps, start)
        for name, array in whole.items():
            np.testing.assert_array_equal(rest[name], array[4 * start :])


def test_a_step_that_an_epoch_does_not_have_is_refused():
    epoch_table.check_start(3, 3)
    for start in (-1, 4):
        with pytest.raises(ValueError, match=f"start_step={start}.*3 steps"):
            epoch_table.check_start(start, 3)


def test_seeds_differ_in_every_argument():
    seeds = epoch_table.example_seeds(0, 0, np.arange(1000)).reshape(-1, 2)
    assert len(np.unique(seeds, axis=0)) == 3000
    reference = epoch_table.example_seeds(0, 1, np.arange(10))
    for other in (
        epoch_table.example_seeds(1, 0, np.arange(10)),  # not symmetric
        epoch_table.example_seeds(0, 2, np.arange(10)),
    ):
        assert not (reference == other).all(axis=-1).any()


def test_seeds_follow_the_published_mixing_function():
    # The first outputs of SplitMix64 for the state 0 are known:
    # https://prng.di.unimi.it/splitmix64.c gives e220a8397b1dcdaf.
    mixed = epoch_table._mix(np.zeros(1, np.uint64))
    assert int(mixed[0]) == 0xE220A8397B1DCDAF
