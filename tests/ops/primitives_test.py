"""Tests of `maenas_tf.ops.primitives`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.ops.factorized_reduce import FactorizedReduce
from maenas_tf.ops.primitive import PRIMITIVES
from maenas_tf.ops.primitives import make_primitive
from maenas_tf.ops.relu_conv_norm import ReluConvNorm
from maenas_tf.ops.source import SourceNode
from tests.ops import numpy_oracle
from tests.ops.layers import fill, gradients, image

CHANNELS = 4
# Drawn, not computed: it has tests of its own.
COMPUTED = [name for name in PRIMITIVES.names() if name != "noise"]
SIZES = {"even": (2, 6, 8, CHANNELS), "odd": (2, 7, 5, CHANNELS)}


def make(name, stride, search, shape=SIZES["even"]):
    family, _, name = name.rpartition("/")
    layer = make_primitive(name, CHANNELS, stride, search, family)
    layer.build((None, *shape[1:]))
    return layer


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("search", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", COMPUTED)
def test_primitive_equals_its_definition(name, stride, search, size):
    x = image(SIZES[size])
    layer = make(name, stride, search, x.shape)
    weights = fill(layer)
    y = layer.call(tf.constant(x))
    expected = numpy_oracle.primitive(name, x, weights, stride, search)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=2e-5)
    if name != "none":
        assert np.abs(expected).max() > 0.1


def test_every_primitive_of_all_spaces_is_covered():
    assert set(COMPUTED) == {
        "none",
        "max_pool_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "sep_conv_3x3",
        "sep_conv_5x5",
        "dil_conv_3x3",
        "dil_conv_5x5",
        "nasbench201/avg_pool_3x3",
        "nor_conv_1x1",
        "nor_conv_3x3",
        "macro/skip_connect",
        "macro/mb3_k3",
        "macro/mb6_k5",
        "mobilenet/mb1_k3",
        *(f"mobilenet/mb{e}_k{k}" for e in (3, 6) for k in (3, 5, 7)),
    }


@pytest.mark.parametrize("search", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", PRIMITIVES.names())
def test_architecture_weight_multiplies_value_and_gradients(
    name, stride, search
):
    x, weight = tf.constant(image(SIZES["odd"])), tf.constant(0.3)
    layer = make(name, stride, search, x.shape)
    fill(layer)
    kernels = layer.trainable_variables

    def at_once():
        return layer.weighted(SourceNode(x), weight)

    def afterwards():
        return weight * layer.weighted(SourceNode(x), None)

    if name == "none":
        # Zero whatever the weight, which is why it is never computed.
        assert not np.any(at_once())
        return
    y, found = gradients(at_once, [weight, x, *kernels])
    if name == "noise":
        layer.calls.assign(0)
    expected, wanted = gradients(afterwards, [weight, x, *kernels])
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    assert abs(wanted[0].numpy()) > 1e-2
    for gradient, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(gradient, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_none_is_zero(stride):
    y = make("none", stride, True).call(tf.constant(image(SIZES["odd"])))
    assert y.shape == ((2, 7, 5, 4), (2, 4, 3, 4))[stride - 1]
    assert not np.any(y)


def test_pool_of_nasbench201_is_not_normalised_and_that_of_darts_is():
    x = tf.constant(image(SIZES["even"])) + 5.0
    own = make("nasbench201/avg_pool_3x3", 1, True).call(x)
    other = make("avg_pool_3x3", 1, True).call(x)
    np.testing.assert_allclose(np.mean(own), 5.0, atol=0.1)
    np.testing.assert_allclose(np.mean(other), 0.0, atol=1e-5)


def test_bias_of_nasbench201_convolutions_exists_in_the_search_alone():
    def names(search):
        layer = make("nor_conv_3x3", 1, search)
        return {variable.name for variable in layer.trainable_variables}

    assert names(True) == {"kernel", "bias"}
    assert names(False) == {"kernel", "gamma", "beta"}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("search", [True, False])
def test_factorized_reduce_changes_the_width(search, size):
    x = image(SIZES[size])
    layer = FactorizedReduce(6, search, name="reduce")
    layer.build(x.shape)
    weights = fill(layer)
    np.testing.assert_allclose(
        layer.call(tf.constant(x)),
        numpy_oracle.factorized_reduce(x, weights, search),
        rtol=1e-4,
        atol=1e-5,
    )


def test_factorized_reduce_sees_the_pixels_that_a_stride_skips():
    """The bug that others shipped: both halves on the unshifted input."""
    layer = FactorizedReduce(2, name="reduce")
    layer.build((None, 4, 4, 1))
    x = np.zeros((1, 4, 4, 1), np.float32)
    x[0, 1, 1] = 1.0
    _, (gradient,) = gradients(
        lambda: layer.call(x_tensor), [x_tensor := tf.constant(x)]
    )
    assert np.abs(gradient[0, 1, 1, 0]) > 1e-6


def test_no_1x1_convolution_has_a_stride():
    """The gradient of such a kernel overruns its buffer on CPU (TF 2.21)."""
    layer = FactorizedReduce(4)
    layer.build((None, 64, 64, 4))

    @tf.function(input_signature=[tf.TensorSpec((2, 64, 64, 4))])
    def run(x):
        return layer(x)

    graph = run.get_concrete_function().graph
    convolutions = [o for o in graph.get_operations() if o.type == "Conv2D"]
    assert len(convolutions) == 2
    for operation in convolutions:
        assert list(operation.get_attr("strides")) == [1, 1, 1, 1]


def test_factorized_reduce_rejects_an_odd_width():
    with pytest.raises(ValueError, match="3 channels.*even --init_channels"):
        FactorizedReduce(3)


def test_stride_must_be_one_or_two():
    with pytest.raises(ValueError, match="stride=3"):
        make("max_pool_3x3", 3, True)


@pytest.mark.parametrize("search", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_relu_conv_norm_changes_the_width(kernel_size, stride, search):
    """Batch statistics hide the bias; moving statistics show it."""
    x = image(SIZES["odd"])
    layer = ReluConvNorm(
        6,
        kernel_size,
        stride,
        use_bias=True,
        affine=not search,
        moving_statistics=not search,
        name="conv",
    )
    layer.build(x.shape)
    weights = fill(layer)
    np.testing.assert_allclose(
        layer.call(tf.constant(x)),
        numpy_oracle.relu_conv_norm(x, weights, stride, search),
        rtol=1e-4,
        atol=2e-5,
    )


def test_initial_kernels_follow_their_fan_in():
    """uniform(-1/sqrt(n), 1/sqrt(n)), each weight drawn for itself."""
    layer = make_primitive("sep_conv_5x5", 64, 1, True)
    layer.build((None, 8, 8, 64))
    for i in range(2):
        depthwise = layer.depthwise[i].numpy()
        pointwise = layer.pointwise[i].numpy()
        assert 0.19 < np.abs(depthwise).max() <= 1 / 5
        assert 0.124 < np.abs(pointwise).max() <= 1 / 8
        # The standard deviation of a uniform distribution: limit/sqrt(3).
        np.testing.assert_allclose(depthwise.std(), 0.2 / 3**0.5, rtol=0.05)
    assert not np.array_equal(layer.pointwise[0], layer.pointwise[1])


def test_identity_is_known_as_such():
    identities = {
        (name, stride)
        for name in PRIMITIVES.names()
        for stride in (1, 2)
        if make(name, stride, False).is_identity
    }
    assert identities == {("skip_connect", 1), ("macro/skip_connect", 1)}


class TestNoise:
    def make(self, stride=1, shape=(4, 16, 16, CHANNELS)):
        return make("noise", stride, True, shape), tf.zeros(shape)

    @pytest.mark.parametrize("stride", [1, 2])
    def test_is_standard_normal(self, stride):
        layer, x = self.make(stride)
        noise = np.stack([layer.call(x) for _ in range(4)])
        assert noise.shape[1:] == (4, 16 // stride, 16 // stride, CHANNELS)
        # 4,096 numbers at least: five standard errors.
        np.testing.assert_allclose(noise.mean(), 0.0, atol=5 / 64)
        np.testing.assert_allclose(noise.std(), 1.0, atol=5 / 90)
        np.testing.assert_allclose((noise**4).mean(), 3.0, atol=0.8)

    @pytest.mark.parametrize("training", [True, False])
    def test_is_fresh_each_call(self, training):
        layer, x = self.make()
        draws = [layer.call(x, training=training).numpy() for _ in range(3)]
        for one, other in ((0, 1), (1, 2), (0, 2)):
            assert np.abs(np.corrcoef(draws[one].flat, draws[other].flat))[
                0, 1
            ] < (5 / 64)

    def test_is_fresh_each_call_of_a_graph(self):
        layer, x = self.make()
        draw = tf.function(lambda: layer.call(x))
        assert not np.array_equal(draw(), draw())

    def test_does_not_depend_on_its_input_and_passes_no_gradient(self):
        layer, x = self.make()
        y, (gradient,) = gradients(lambda: layer.call(x), [x])
        layer.calls.assign(0)
        np.testing.assert_array_equal(layer.call(x + 3.0), y)
        assert not np.any(gradient)

    def test_has_no_parameter(self):
        layer, _ = self.make()
        assert layer.trainable_variables == []
        assert layer.variables == [layer.calls]

    def test_is_reproduced_by_restoring_its_counter(self):
        layer, x = self.make()
        layer.call(x)
        counter = layer.calls.numpy()
        later = layer.call(x)
        layer.call(x)
        layer.calls.assign(counter)
        np.testing.assert_array_equal(layer.call(x), later)

    def test_differs_between_layers(self):
        one, x = self.make()
        other = make_primitive("noise", CHANNELS, 1, True)
        other.name = "other_noise"
        other.build(x.shape)
        assert not np.array_equal(one.call(x), other.call(x))
