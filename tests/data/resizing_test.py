"""Tests of `maenas_tf.data.resizing`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.data.resizing import resize_images


@pytest.mark.parametrize("shape", [(6, 10, 3), (10, 6, 3), (4, 6, 10, 3)])
def test_resizing_keeps_the_centre_square(shape):
    images = np.zeros(shape, np.uint8)
    height, width = shape[-3:-1]
    top, left = (height - 6) // 2, (width - 6) // 2
    images[..., top : top + 6, left : left + 6, :] = 200
    result = resize_images(tf.constant(images), 12)
    assert result.dtype == tf.uint8
    assert result.shape == (*shape[:-3], 12, 12, 3)
    assert np.all(result == 200)


def test_resizing_rounds_bytes_and_averages_when_it_shrinks():
    board = np.zeros((8, 8, 3), np.uint8)
    board[::2] = 255
    result = resize_images(tf.constant(board), 2).numpy()
    assert np.all((result > 100) & (result < 155))  # not aliased to 0 or 255


def test_a_centre_crop_is_cut_from_what_was_resized():
    rng = np.random.default_rng(0)
    image = tf.constant(rng.integers(0, 256, (40, 50, 3), np.uint8))
    large = resize_images(image, 16)
    np.testing.assert_array_equal(
        resize_images(image, 14, 0.875), large[1:15, 1:15]
    )


def test_an_image_of_the_size_already_is_shown_whole():
    rng = np.random.default_rng(0)
    image = tf.constant(rng.integers(0, 256, (2, 14, 20, 3), np.uint8))
    np.testing.assert_array_equal(
        resize_images(image, 14, 0.875), image[:, :, 3:17]
    )
    of_any_size = tf.function(
        lambda images: resize_images(images, 14, 0.875),
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)],
    )
    np.testing.assert_array_equal(of_any_size(image), image[:, :, 3:17])
    shape = of_any_size.get_concrete_function().structured_outputs.shape
    assert shape.as_list() == [None, 14, 14, 3]
