"""Tests of `maenas_tf.models.decoder`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.models.decoder import DECODERS, upsample_2x
from tests.models.networks import counted_macs, full_supernet
from tests.ops import numpy_oracle
from tests.ops.layers import fill, gradients, image

# The features' shapes, fine to coarse, and the size of the image.
FULL = (((2, 8, 8, 6), (2, 4, 4, 8), (2, 2, 2, 10)), 8)
# As behind a stem that reduces the resolution.
REDUCED = (((2, 4, 4, 6), (2, 2, 2, 8)), 16)


def make(name, case=FULL, width=4):
    shapes, image_size = case
    decoder = DECODERS.get(name)(image_size, width, name="decoder")
    decoder.build(shapes)
    features = [tf.constant(image(s, seed=i)) for i, s in enumerate(shapes)]
    return decoder, features


@pytest.mark.parametrize("case", [FULL, REDUCED])
@pytest.mark.parametrize("name", DECODERS.names())
def test_reconstruction_has_the_shape_of_the_image(name, case):
    decoder, features = make(name, case)
    size = case[1]
    assert decoder(features, training=True).shape == (2, size, size, 3)


def upsampled(x):
    return np.kron(x, np.ones((1, 2, 2, 1)))


def pixels_of(x, stride):
    """Lays out [B, H, W, 3 * stride^2] as blocks of pixels, row by row."""
    batch, height, width, _ = x.shape
    y = np.zeros((batch, height * stride, width * stride, 3))
    for row in range(stride):
        for column in range(stride):
            first = 3 * (stride * row + column)
            y[:, row::stride, column::stride] = x[..., first : first + 3]
    return y


def expected_reconstruction(weights, features, fed, stride):
    features = [numpy_oracle.batch_normalize(f) for f in features]
    x = numpy_oracle.convolve(
        features[-1], weights[f"lateral_{len(features) - 1}"]
    )
    for i in reversed(range(len(features) - 1)):
        x = upsampled(x)
        if fed[i]:
            lateral = weights[f"lateral_{i}"]
            x = x + numpy_oracle.convolve(features[i], lateral)
        x = numpy_oracle.convolve(x, weights[f"kernel_{i}"])
        x = numpy_oracle.batch_normalize(
            x, weights[f"norm_{i}/gamma"], weights[f"norm_{i}/beta"]
        )
        x = numpy_oracle.relu(x)
    bias = weights["output_bias"]
    return pixels_of(
        numpy_oracle.convolve(x, weights["output"], bias=bias), stride
    )


@pytest.mark.parametrize("case", [FULL, REDUCED])
@pytest.mark.parametrize("name", ["hierarchical", "single_scale"])
def test_pyramid_equals_its_definition(name, case):
    decoder, features = make(name, case)
    weights = fill(decoder)
    fed = [name == "hierarchical"] * (len(features) - 1) + [True]
    stride = case[1] // features[0].shape[1]
    expected = expected_reconstruction(
        weights, [f.numpy() for f in features], fed, stride
    )
    # Sums of a hundred products of normal numbers.
    np.testing.assert_allclose(
        decoder.call(features), expected, rtol=1e-4, atol=1e-3
    )


def test_linear_decoder_equals_its_definition():
    decoder, features = make("linear")
    weights = fill(decoder)
    coarsest = numpy_oracle.batch_normalize(features[-1].numpy())
    linear = coarsest @ weights["output"][0, 0] + weights["output_bias"]
    np.testing.assert_allclose(
        decoder.call(features), pixels_of(linear, 4), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("hierarchical", [True, True, True]),
        ("single_scale", [False, False, True]),
        ("linear", [False, False, True]),
    ],
)
def test_decoder_uses_the_scales_it_promises(name, used):
    decoder, features = make(name)
    _, found = gradients(lambda: decoder.call(features), features)
    assert [bool(np.any(gradient)) for gradient in found] == used


@pytest.mark.parametrize("name", DECODERS.names())
def test_every_variable_has_an_influence(name):
    decoder, features = make(name)
    fill(decoder)
    variables = decoder.trainable_variables
    assert len(variables) == len(decoder.variables)
    _, found = gradients(lambda: decoder.call(features), variables)
    for variable, gradient in zip(variables, found, strict=True):
        assert np.any(np.abs(gradient) > 1e-6), variable.path


def test_single_scale_has_width_and_depth_of_the_hierarchical():
    def shapes(name):
        decoder, _ = make(name)
        return {v.name: tuple(v.shape) for v in decoder.variables}

    single, full = shapes("single_scale"), shapes("hierarchical")
    assert single.items() <= full.items()
    assert set(full) - set(single) == {"lateral_0", "lateral_1"}


def test_linear_decoder_predicts_a_block_from_its_own_position():
    decoder, features = make("linear")
    fill(decoder)
    coarsest = features[-1]
    # The other way round: no statistic of the batch changes.
    turned = coarsest[:, ::-1, :, :]
    blocks = tf.reshape(decoder.call([coarsest]), [2, 2, 4, 2, 4, 3])
    expected = tf.reshape(blocks[:, ::-1], [2, 8, 8, 3])
    np.testing.assert_allclose(
        decoder.call([turned]), expected, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("name", DECODERS.names())
def test_scale_of_a_feature_does_not_matter(name):
    """A node with many summands must not look unlike one with a single one."""
    decoder, features = make(name)
    fill(decoder)
    larger = [3.0 * feature + 1.0 for feature in features]
    np.testing.assert_allclose(
        decoder.call(larger), decoder.call(features), rtol=1e-3, atol=1e-3
    )


def test_upsampling_repeats_every_pixel():
    x = image((2, 3, 5, 4))
    np.testing.assert_array_equal(upsample_2x(tf.constant(x)), upsampled(x))


def macs_of(monkeypatch, net, width):
    """Returns the multiply-accumulates of a supernet and its decoder."""
    with counted_macs(monkeypatch) as of_supernet:
        features, _ = net.trunk.call(
            tf.zeros([1, 32, 32, 3]),
            {
                kind: {"weights": weights}
                for kind, weights in net.architecture.edge_weights().items()
            },
        )
    decoder = DECODERS.get("hierarchical")(32, width)
    decoder.build(net.trunk.feature_shapes)
    with counted_macs(monkeypatch) as of_decoder:
        decoder.call(features)
    return of_supernet.count, of_decoder.count


@pytest.mark.parametrize("space", ["darts", "nasbench201"])
def test_decoder_costs_less_than_fifteen_percent(space, monkeypatch):
    """At the published size and the default width, C."""
    net = full_supernet(space)
    supernet, decoder = macs_of(monkeypatch, net, net.plan.size.init_channels)
    by_hand = sum(
        f[1] * f[2] * f[3] * 16 for f in net.trunk.feature_shapes
    ) + 9 * 16 * (16 * 16**2 + 16 * 32**2 + 3 * 32**2)
    assert decoder == by_hand
    assert decoder < 0.15 * supernet
