"""Tests of `maenas_tf.ops.pooling`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.ops import pooling
from tests.ops import numpy_oracle
from tests.ops.layers import image

CHANNELS = 4
SIZES = {"even": (2, 6, 8, CHANNELS), "odd": (2, 7, 5, CHANNELS)}


@pytest.mark.parametrize("stride", [1, 2])
def test_max_pool_of_negative_images_never_sees_its_padding(stride):
    x = -1.0 - np.abs(image(SIZES["odd"]))
    pooled = pooling.max_pool_3x3(tf.constant(x), stride)
    assert np.max(pooled) < -1.0


def test_average_pool_2x2_drops_an_odd_row_and_column():
    x = image((1, 5, 7, 2))
    blocks = x[:, :4, :6].reshape(1, 2, 2, 3, 2, 2)
    np.testing.assert_allclose(
        pooling.average_pool_2x2(x), blocks.mean((2, 4)), atol=1e-6
    )


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_poolings_equal_their_definitions(size, stride):
    x = image(SIZES[size])
    np.testing.assert_array_equal(
        pooling.max_pool_3x3(tf.constant(x), stride),
        numpy_oracle.max_pool_3x3(x, stride),
    )
    np.testing.assert_allclose(
        pooling.average_pool_3x3(tf.constant(x), stride),
        numpy_oracle.average_pool_3x3(x, stride),
        atol=1e-6,
    )
