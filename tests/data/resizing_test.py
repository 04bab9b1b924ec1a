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
