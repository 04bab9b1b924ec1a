"""Tests of `maenas_tf.data.channel_statistics`."""

import numpy as np

from maenas_tf.data import channel_statistics


def measure(images):
    return channel_statistics.measure_statistics(
        len(images), images.__getitem__
    )


def test_statistics_equal_those_of_numpy():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (250, 8, 8, 3), dtype=np.uint8)
    images = images // np.array([1, 2, 3], np.uint8)
    mean, std = measure(images)
    np.testing.assert_allclose(mean, (images / 255).mean((0, 1, 2)), atol=1e-9)
    np.testing.assert_allclose(std, (images / 255).std((0, 1, 2)), atol=1e-9)


def test_statistics_read_a_spread_sample_of_a_large_set(monkeypatch):
    monkeypatch.setattr(channel_statistics, "MAX_STATISTICS_IMAGES", 3)
    images = np.zeros((9, 2, 2, 3), np.uint8)
    images[[0, 4, 8]] = 255
    assert measure(images)[0] == (1.0, 1.0, 1.0)


def test_constant_channel_gets_a_deviation_of_one():
    mean, std = measure(np.full((2, 4, 4, 3), 51, np.uint8))
    np.testing.assert_allclose(mean, 0.2)
    assert std == (1.0, 1.0, 1.0)
