"""Tests of `maenas_tf.models.heads`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.models.heads import ClassifierHead
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
        activation=activation, moving_statistics=moving_statistics
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
    assert num_parameters(make(activation=True)[0]) == 5 * 4 + 4 + 2 * 5


@pytest.mark.parametrize("num_classes", [1, 0, -3])
def test_fewer_than_two_classes_are_an_error(num_classes):
    with pytest.raises(ValueError, match=f"num_classes={num_classes} "):
        ClassifierHead(num_classes)


def test_configuration_makes_the_same_head():
    config = make(activation=True)[0].get_config()
    again = ClassifierHead.from_config(config)
    assert again.get_config() == config
    assert again.activation
