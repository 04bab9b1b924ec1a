"""Tests of `maenas_tf.ops.plain`: what it computes is what `fused` computes."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.models.alphas import ArchitectureParameters
from maenas_tf.models.supernet import Supernet
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.plain import PLAIN_PRIMITIVES
from maenas_tf.ops.primitive import PRIMITIVES
from maenas_tf.ops.primitives import make_primitive
from maenas_tf.ops.source import SourceNode
from maenas_tf.skeletons import evaluation_size, make_plan, skeleton_of
from maenas_tf.spaces import SPACES
from tests.ops.layers import fill, gradients, image, singly

CHANNELS = 4
SIZES = {"even": (2, 6, 8, CHANNELS), "odd": (2, 7, 5, CHANNELS)}
COMPUTED = [name for name in PRIMITIVES.names() if name != "noise"]


def make_both(name, stride, search):
    family, _, name = name.rpartition("/")
    both = []
    for registry in (PRIMITIVES, PLAIN_PRIMITIVES):
        layer = make_primitive(name, CHANNELS, stride, search, family, registry)
        layer.build((None, None, None, CHANNELS))
        both.append(layer)
    fill(both[0])
    copy_values(*both)
    return both


def kernels_first(variables):
    """Brings variables to one order in both: kernels, then vectors."""
    return sorted(variables, key=lambda variable: -len(variable.shape))


def statistics(layer, name):
    return [v for v in layer.non_trainable_variables if v.name == name]


def copy_values(fused, plain):
    """Gives the plain one what the fused one holds."""
    of, to = (kernels_first(singly(model)) for model in (fused, plain))
    for name in ("moving_mean", "moving_variance"):
        if statistics(fused, name):  # The search's form keeps none.
            of += statistics(fused, name)
            to += statistics(plain, name)
    for source, target in zip(of, to, strict=True):
        assert source.shape == target.shape
        target.assign(source.numpy())


def test_both_implementations_have_the_same_names():
    assert set(PLAIN_PRIMITIVES.names()) == set(PRIMITIVES.names())


@pytest.mark.parametrize("search", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", COMPUTED)
def test_each_candidate_can_be_a_function_of_its_own(name, stride, search):
    """Where no scope is around the names of its layers."""
    _, plain = make_both(name, stride, search)
    finish = tf.function(plain.finish, autograph=False)
    finish.get_concrete_function(tf.TensorSpec(SIZES["even"]), None)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("search", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", COMPUTED)
def test_values_and_gradients_are_equal(name, stride, search, size):
    x, weight = tf.constant(image(SIZES[size])), tf.constant(0.3)
    results = []
    for layer in make_both(name, stride, search):
        variables = kernels_first(layer.trainable_variables)
        results.append(
            gradients(
                lambda layer=layer: layer.weighted(SourceNode(x), weight, True),
                [x, weight, *variables],
            )
        )
    (y, found), (expected, wanted) = results
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=2e-5)
    for gradient, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(gradient, want, rtol=1e-3, atol=5e-5)


@pytest.mark.parametrize("name", ["sep_conv_3x3", "mobilenet/mb3_k3"])
def test_second_derivatives_are_equal(name):
    """Of a product with the gradient, as the exact second order takes it."""
    x = tf.constant(image(SIZES["even"]))
    vector = tf.constant(image(SIZES["even"], seed=1))
    results = []
    for layer in make_both(name, 1, True):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = layer.weighted(SourceNode(x), tf.constant(0.3), True)
                loss = tf.reduce_sum(tf.square(y) * tf.nn.sigmoid(y))
            product = tf.reduce_sum(inner.gradient(loss, x) * vector)
        results.append(outer.gradient(product, x))
    found, expected = results
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", [n for n in COMPUTED if "conv" in n])
def test_moving_statistics_are_equal(name, stride):
    """After two batches, and so is what they normalise to afterwards."""
    fused, plain = make_both(name, stride, False)
    before = [v.numpy() for v in statistics(fused, "moving_mean")]
    for seed in (1, 2):
        x = SourceNode(tf.constant(image(SIZES["even"], seed)))
        for layer in (fused, plain):
            layer.weighted(x, None, training=True)
    for kind in ("moving_mean", "moving_variance"):
        pairs = zip(
            statistics(fused, kind), statistics(plain, kind), strict=True
        )
        for found, wanted in pairs:
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert not np.allclose(before[0], statistics(fused, "moving_mean")[0])
    np.testing.assert_allclose(
        fused.weighted(x, None), plain.weighted(x, None), rtol=1e-3, atol=1e-4
    )


# In these offsets stand before another normalisation, whose gradient is 0:
# float32 leaves rounding of it, which is the library's and not ours.
IN_FLOAT64 = ("mobilenet", "mobilenet_32")


@pytest.fixture
def precision(space):
    """The bounds on differences, rtol and atol, of features and gradients."""
    before = keras.config.dtype_policy()
    if space in IN_FLOAT64:
        keras.config.set_dtype_policy("float64")
        yield (1e-6, 1e-6), (1e-5, 1e-6)
    else:
        yield (1e-3, 1e-3), (1e-2, 1e-3)
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("space", SPACES.names())
def test_supernets_are_equal(space, precision):
    """Features, and the gradients of every weight and alpha."""
    (stem, *_) = skeleton_of(SPACES.get(space)).evaluation_sizes
    plan = make_plan(space, evaluation_size(SPACES.get(space), stem))
    size = 2 * plan.reduction
    dtype = keras.config.dtype_policy().compute_dtype
    images = tf.constant(image((2, size, size, 3)), dtype)
    models = []
    for implementation in ("fused", "plain"):
        keras.utils.set_random_seed(3)
        make_edge = functools.partial(MixedOp, implementation=implementation)
        models.append(
            Supernet(
                SPACES.get(space),
                CHANNELS,
                skeleton_of(SPACES.get(space)).min_num_cells,
                architecture=ArchitectureParameters(SPACES.get(space)),
                make_edge=make_edge,
                image_size=size,
                stem=stem,
            )
        )
    copy_values(*models)

    def features(model):
        parts = model(images, training=True)
        return tf.concat([tf.reshape(part, [-1]) for part in parts], 0)

    # Eager: tracing two supernets would take ten times as long.
    results = []
    for model in models:
        y, found = gradients(
            functools.partial(features, model), model.trainable_variables
        )
        results.append((y, kernels_first(singly(model, found))))
    (y, found), (expected, wanted) = results
    (rtol, atol), (gradient_rtol, gradient_atol) = precision
    np.testing.assert_allclose(y, expected, rtol=rtol, atol=atol)
    for gradient, want in zip(found, wanted, strict=True):
        scale = max(np.abs(want).max(), 1.0)
        np.testing.assert_allclose(
            gradient, want, rtol=gradient_rtol, atol=gradient_atol * scale
        )
    alphas = models[0].architecture.trainable_variables
    assert len(found) > len(alphas) > 0
