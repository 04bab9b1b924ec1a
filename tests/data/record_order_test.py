"""Tests of `maenas_tf.data.record_order`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.data.record_order import reading_order


def interleaved(counts):
    """What `tf.data` does with files of so many examples."""
    ends = np.cumsum(counts)
    dataset = tf.data.Dataset.from_tensor_slices((ends - counts, ends))
    dataset = dataset.interleave(
        tf.data.Dataset.range,
        cycle_length=16,
        block_length=16,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return list(dataset.as_numpy_iterator())


@pytest.mark.parametrize("seed", range(4))
def test_the_order_is_that_of_interleaved_files(seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 60, rng.integers(2, 50))
    assert reading_order(counts, False).tolist() == interleaved(counts)


def test_ordered_sets_and_single_files_are_read_from_first_to_last():
    assert reading_order([20, 30], True).tolist() == list(range(50))
    assert reading_order([40], False).tolist() == list(range(40))
    assert reading_order([], False).tolist() == []
