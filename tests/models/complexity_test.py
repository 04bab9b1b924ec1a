"""Tests of `maenas_tf.models.complexity`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import maenas_tf as mn
from maenas_tf.models.complexity import count_macs, count_parameters
from maenas_tf.models.network import build_network
from maenas_tf.ops.primitives import make_primitive


def model_of(*layers, shape=(9, 7, 4)):
    """Returns a sequential model of images of a shape."""
    return keras.Sequential([keras.Input(shape), *layers])


@pytest.mark.parametrize(
    ("layer", "macs"),
    [
        (keras.layers.Conv2D(5, 3, padding="same"), 9 * 7 * 5 * 9 * 4),
        (keras.layers.Conv2D(5, 3, 2, padding="same"), 5 * 4 * 5 * 9 * 4),
        (keras.layers.Conv2D(5, 3), 7 * 5 * 5 * 9 * 4),
        (keras.layers.DepthwiseConv2D(3, 2, padding="same"), 5 * 4 * 4 * 9),
        (keras.layers.Dense(6), 9 * 7 * 4 * 6),
        (keras.layers.BatchNormalization(), 0),
        (keras.layers.MaxPooling2D(), 0),
    ],
)
def test_a_layer_has_the_macs_of_its_closed_form(layer, macs):
    assert count_macs(model_of(layer), (9, 7, 4)) == macs


def test_a_grouped_kernel_counts_its_groups_channels():
    class Grouped(keras.Model):
        def call(self, x, training=False):
            return tf.nn.conv2d(x, tf.ones((3, 3, 2, 6)), 1, "SAME")

    assert count_macs(Grouped(), (8, 8, 4)) == 8 * 8 * 6 * 9 * 2


@pytest.mark.parametrize("size", [7, 8])
def test_a_dilated_depthwise_convolution_counts_what_is_kept(size):
    layer = make_primitive("dil_conv_5x5", 4, 1, False)
    layer.build((None, size, size, 4))
    function = tf.function(layer.call).get_concrete_function(
        tf.TensorSpec((1, size, size, 4))
    )
    types = {o.type for o in function.graph.get_operations()}
    assert "SpaceToBatchND" in types, "dilation is computed in another way"
    assert count_macs(layer, (size, size, 4)) == size**2 * (25 * 4 + 4 * 4)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_matrix_product_counts_the_inner_dimension(transposed):
    class Product(keras.Model):
        def call(self, x, training=False):
            x = tf.reshape(x, (3, 8))
            y = tf.ones((3, 5)) if transposed else tf.ones((8, 5))
            return tf.matmul(x, y, transpose_a=transposed)

    assert count_macs(Product(), (4, 6, 1)) == 3 * 8 * 5


def test_the_published_imagenet_network_has_its_macs():
    # See costs_test for where the figure comes from.
    network = build_network(
        "DARTS_V2", 1000, 48, 14, image_size=224, stem="imagenet"
    )
    assert count_parameters(network) == 4_718_752
    assert count_macs(network, (224, 224, 3)) == 529_911_552


def test_an_auxiliary_head_costs_parameters_and_no_inference():
    sizes = {"init_channels": 4, "num_cells": 3, "image_size": 32}
    plain = build_network("DARTS_V2", **sizes)
    with_head = build_network("DARTS_V2", auxiliary=True, **sizes)
    assert count_parameters(with_head) > count_parameters(plain)
    shape = (32, 32, 3)
    assert count_macs(with_head, shape) == count_macs(plain, shape)


def test_architecture_parameters_do_not_count():
    model = mn.build_supernet("s2", 4, 3, image_size=8)
    sizes = [int(np.prod(v.shape)) for v in model.trainable_variables]
    # Two cell types of 14 edges with two candidates each.
    assert count_parameters(model) == sum(sizes) - 2 * 14 * 2


def test_an_operation_that_is_not_understood_is_an_error():
    model = model_of(keras.layers.Conv2DTranspose(2, 3))
    with pytest.raises(ValueError, match="Conv2DBackpropInput.*not known"):
        count_macs(model, (9, 7, 4))


@pytest.mark.parametrize("shape", [(32, 32), (None, 8, 3), (0, 8, 3)])
def test_a_shape_that_is_none_is_an_error(shape):
    with pytest.raises(ValueError, match="input_shape"):
        count_macs(model_of(keras.layers.Flatten()), shape)


def test_both_counts_are_in_the_python_api():
    assert mn.count_macs is count_macs
    assert mn.count_parameters is count_parameters
