"""Tests of `maenas_tf.data.image_set`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data import image_set


def _random(count, size=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def test_statistics_equal_those_of_numpy():
    images = _random(50) // np.array([1, 2, 3], np.uint8)
    mean, std = image_set.measure_statistics(images)
    np.testing.assert_allclose(mean, (images / 255).mean((0, 1, 2)), atol=1e-9)
    np.testing.assert_allclose(std, (images / 255).std((0, 1, 2)), atol=1e-9)


def test_statistics_read_a_spread_sample_of_a_large_set(monkeypatch):
    monkeypatch.setattr(image_set, "MAX_STATISTICS_IMAGES", 3)
    images = np.zeros((9, 2, 2, 3), np.uint8)
    images[[0, 4, 8]] = 255
    assert image_set.measure_statistics(images)[0] == (1.0, 1.0, 1.0)


def test_constant_channel_gets_a_deviation_of_one():
    images = np.full((2, 4, 4, 3), 51, np.uint8)
    mean, std = image_set.measure_statistics(images)
    np.testing.assert_allclose(mean, 0.2)
    assert std == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("name", ["cifar10", "cifar10:3.0.2", "cifar10/x"])
def test_cifar_statistics_are_the_published_ones(name):
    made = image_set.make_image_set(_random(2), name=name)
    assert made.mean == (0.4914, 0.4822, 0.4465)
    assert made.std == (0.2470, 0.2435, 0.2616)


def test_classes_are_counted_from_labels_without_names():
    made = image_set.make_image_set(_random(3), name="x", labels=[0, 3, 1])
    assert made.num_classes == 4
    assert made.class_names == ("0", "1", "2", "3")
    assert made.labels.dtype == np.int64
    unlabelled = image_set.make_image_set(_random(3), name="x")
    assert (unlabelled.labels, unlabelled.num_classes) == (None, 0)


def test_tensor_is_made_once_in_host_memory():
    made = image_set.make_image_set(_random(3), name="x")
    np.testing.assert_array_equal(made.tensor, made.images)
    assert made.tensor is made.tensor
    assert made.tensor.device.endswith("CPU:0")


@pytest.mark.parametrize("shape", [(6, 10, 3), (10, 6, 3), (4, 6, 10, 3)])
def test_resizing_keeps_the_centre_square(shape):
    images = np.zeros(shape, np.uint8)
    height, width = shape[-3:-1]
    top, left = (height - 6) // 2, (width - 6) // 2
    images[..., top : top + 6, left : left + 6, :] = 200
    result = image_set.resize_images(tf.constant(images), 12)
    assert result.dtype == tf.uint8
    assert result.shape == (*shape[:-3], 12, 12, 3)
    assert np.all(result == 200)


def test_resizing_rounds_bytes_and_averages_when_it_shrinks():
    board = np.zeros((8, 8, 3), np.uint8)
    board[::2] = 255
    result = image_set.resize_images(tf.constant(board), 2).numpy()
    assert np.all((result > 100) & (result < 155))  # not aliased to 0 or 255


def test_sets_larger_than_the_share_of_memory_are_refused(monkeypatch):
    monkeypatch.setattr(image_set, "physical_memory", lambda: 100 * 3 * 64 * 10)
    image_set.check_memory(300, 8)  # 30% of 1,000 images
    with pytest.raises(ConfigError, match="--image_size.*--max_images=300"):
        image_set.check_memory(301, 8)


def test_physical_memory_is_plausible():
    assert 2**28 < image_set.physical_memory() < 2**50
