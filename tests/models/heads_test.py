"""Tests of `maenas_tf.models.heads`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.models.heads import (
    AuxiliaryHead,
    ClassifierHead,
    EachViewHead,
    JointViewsHead,
    PixelHead,
    bilinear_matrix,
)
from maenas_tf.skeletons import Head
from tests.models.networks import num_parameters
from tests.ops import numpy_oracle
from tests.ops.layers import fill, gradients, image

SHAPES = ((2, 8, 8, 3), (2, 4, 4, 5))


def make(**kwargs):
    head = ClassifierHead(4, name="head", **kwargs)
    head.build(SHAPES)
    return head, [tf.constant(image(s, seed=i)) for i, s in enumerate(SHAPES)]


@pytest.mark.parametrize("moving_statistics", [True, False])
@pytest.mark.parametrize("activation", [True, False])
def test_head_is_pooling_and_dense_layer(activation, moving_statistics):
    head, features = make(
        form=Head("relu" if activation else ""),
        moving_statistics=moving_statistics,
    )
    weights = fill(head)
    x = features[-1].numpy()
    if activation and moving_statistics:
        x = numpy_oracle.norm(x, weights, "norm", search=False)
    elif activation:
        x = numpy_oracle.batch_normalize(
            x, weights["norm/gamma"], weights["norm/beta"]
        )
    x = numpy_oracle.relu(x) if activation else x
    expected = x.mean((1, 2)) @ weights["kernel"] + weights["bias"]
    np.testing.assert_allclose(
        head.call(features), expected, rtol=1e-4, atol=1e-5
    )


def test_head_looks_at_the_deepest_feature_alone():
    head, features = make()
    _, found = gradients(lambda: head.call(features), features)
    assert [bool(np.any(gradient)) for gradient in found] == [False, True]


def test_number_of_parameters():
    assert num_parameters(make()[0]) == 5 * 4 + 4
    assert num_parameters(make(form=Head("relu"))[0]) == 5 * 4 + 4 + 2 * 5


@pytest.mark.parametrize("num_classes", [1, 0, -3])
def test_fewer_than_two_classes_are_an_error(num_classes):
    with pytest.raises(ValueError, match=f"num_classes={num_classes} "):
        ClassifierHead(num_classes)


@pytest.mark.parametrize("activation", [True, False])
def test_the_head_of_each_view_is_the_head_of_the_folded_views(activation):
    head = EachViewHead(4, 2, Head("relu" if activation else ""), name="head")
    plain = ClassifierHead(4, Head("relu" if activation else ""), name="head")
    for each in (head, plain):
        each.build(SHAPES)
        fill(each)
    features = [tf.constant(image((6, *s[1:]), seed=1)) for s in SHAPES]
    found = head.call(features)
    assert found.shape == (3, 2, 4)
    expected = plain.call(features).numpy().reshape(3, 2, 4)
    np.testing.assert_array_equal(found, expected)


def test_the_joint_head_sees_the_pooled_views_one_after_the_other():
    head = JointViewsHead(4, 2, name="head")
    head.build(SHAPES)
    weights = fill(head)
    x = image((6, 4, 4, 5), seed=1)
    expected = x.mean((1, 2)).reshape(3, 10) @ weights["kernel"]
    np.testing.assert_allclose(
        head.call([None, tf.constant(x)]),
        expected + weights["bias"],
        rtol=1e-4,
        atol=1e-5,
    )
    assert num_parameters(head) == 2 * 5 * 4 + 4


def test_the_head_of_pixels_is_a_1x1_convolution_enlarged_bilinearly():
    head = PixelHead(7, 8, name="head")
    head.build(SHAPES)
    weights = fill(head)
    x = image(SHAPES[-1], seed=1)
    small = tf.constant(x @ weights["kernel"] + weights["bias"])
    expected = tf.image.resize(small, [8, 8], "bilinear")
    found = head.call([None, tf.constant(x)])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("size", "larger"), [(2, 8), (3, 7), (8, 8), (1, 4)])
def test_the_bilinear_matrix_is_that_of_tensorflow(size, larger):
    rows = tf.eye(size)[tf.newaxis, :, :, tf.newaxis]
    expected = tf.image.resize(rows, [larger, size], "bilinear")[0, ..., 0]
    np.testing.assert_allclose(
        bilinear_matrix(size, larger), expected, atol=1e-6
    )


@pytest.mark.parametrize(("small_images", "side"), [(True, 8), (False, 7)])
def test_the_auxiliary_head_needs_no_more_than_its_pooling(small_images, side):
    head = AuxiliaryHead(4, small_images, name="auxiliary_head")
    head.build((None, side, side, 3))
    assert head.call(tf.ones((2, side, side, 3))).shape == (2, 4)
    too_small = AuxiliaryHead(4, small_images, name="auxiliary_head")
    with pytest.raises(ConfigError, match=f"at least {side}x{side}"):
        too_small.build((None, side - 1, side - 1, 3))
