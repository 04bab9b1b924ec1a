"""Tests of `maenas_tf.data.windows`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.data.windows import (
    choose_window,
    cut,
    cut_window,
    propose_windows,
)

HEIGHT, WIDTH = 90, 120


def windows(count, least_area):
    propose = tf.function(lambda seed: propose_windows(seed, least_area))
    return np.array(
        [
            choose_window(propose(tf.constant([n, 1])).numpy(), HEIGHT, WIDTH)
            for n in range(count)
        ]
    )


def test_windows_lie_inside_and_have_the_areas_and_shapes_asked_for():
    top, left, height, width = windows(300, 0.3).T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= HEIGHT).all()
    assert (left + width <= WIDTH).all()
    area = height * width / (HEIGHT * WIDTH)
    assert 0.28 < area.min() < 0.35
    assert 0.9 < area.max() <= 1
    shape = width / height
    assert 0.72 < shape.min() < 0.8
    assert 1.28 < shape.max() < 1.36
    # As many of them wide as high, but that the largest fit if wide alone.
    assert 0.45 < np.mean(shape > 1) < 0.75
    # They reach the borders, and lie anywhere between.
    assert top.min() == left.min() == 0
    assert np.max(top + height) == HEIGHT
    assert np.max(left + width) == WIDTH
    free = height < HEIGHT
    assert 0.4 < np.mean((top / (HEIGHT - height + 1))[free]) < 0.6


def test_a_window_is_a_function_of_the_seed():
    np.testing.assert_array_equal(windows(3, 0.08), windows(3, 0.08))
    assert len(np.unique(windows(20, 0.08), axis=0)) == 20


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (10, 100, [0, 43, 10, 13]),
        (100, 10, [43, 0, 13, 10]),
        (1, 1, [0, 0, 1, 1]),
        (30, 36, [0, 0, 30, 36]),
    ],
)
def test_where_none_fits_the_centre_is_taken(height, width, expected):
    too_large = np.tile(np.float32([4, 1, 0, 0]), (10, 1))
    np.testing.assert_array_equal(
        choose_window(too_large, height, width), expected
    )


def test_the_first_proposal_that_fits_counts():
    proposals = np.float32([[4, 1, 0, 0], [0.25, 1, 0.95, 0], [1, 1, 0, 0]])
    np.testing.assert_array_equal(
        choose_window(proposals, 20, 20), [10, 0, 10, 10]
    )


def test_what_is_cut_is_the_window_whatever_the_size():
    image = np.arange(20 * 30 * 3).reshape(20, 30, 3) % 256
    proposals = propose_windows(tf.constant([3, 4]), 0.08)
    top, left, height, width = choose_window(proposals.numpy(), 20, 30)

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.int64)])
    def in_graph(pixels):
        return cut_window(pixels, proposals)

    expected = image[top : top + height, left : left + width]
    np.testing.assert_array_equal(in_graph(image), expected)
    np.testing.assert_array_equal(
        cut(image, tf.constant([1, 2, 3, 4])), image[1:4, 2:6]
    )
