"""Tests of `maenas_tf.ops.convolution`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.ops import convolution
from tests.ops import numpy_oracle
from tests.ops.layers import image

CHANNELS = 4
SIZES = {"even": (2, 6, 8, CHANNELS), "odd": (2, 7, 5, CHANNELS)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_depthwise_convolution_equals_its_definition(
    kernel_size, stride, dilation, size
):
    x = image(SIZES[size])
    kernel = image((kernel_size, kernel_size, CHANNELS, 1), seed=1)
    np.testing.assert_allclose(
        convolution.depthwise_convolve(
            tf.constant(x), tf.constant(kernel), stride, dilation
        ),
        numpy_oracle.depthwise_convolve(x, kernel, stride, dilation),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.filterwarnings("ignore:When dilation rate")
def test_raw_kernel_is_wrong_at_stride_and_dilation_two():
    """Should this fail, tensorflow#100237 is repaired: ours could go."""
    x, kernel = image((1, 8, 8, CHANNELS)), image((3, 3, CHANNELS, 1), seed=1)
    raw = tf.nn.depthwise_conv2d(
        x, kernel, [1, 2, 2, 1], "SAME", dilations=[2, 2]
    )
    # 'same' would pad (1, 2) here: not ours, but not the raw result either.
    padded = np.pad(x, [[0, 0], [1, 2], [1, 2], [0, 0]])
    same = tf.nn.depthwise_conv2d(
        padded, kernel, [1, 1, 1, 1], "VALID", dilations=[2, 2]
    )[:, ::2, ::2]
    ours = convolution.depthwise_convolve(
        tf.constant(x), tf.constant(kernel), 2, 2
    )
    assert raw.shape == same.shape == ours.shape
    assert np.abs(raw - same).max() > 0.1
    assert np.abs(raw - ours).max() > 0.1


def test_symmetric_padding_differs_from_same_at_stride_two():
    x, kernel = image((1, 6, 6, 2)), image((3, 3, 2, 2), seed=1)
    same = tf.nn.conv2d(x, kernel, 2, "SAME")
    ours = convolution.convolve(tf.constant(x), tf.constant(kernel), 2)
    assert np.abs(same - ours).max() > 0.1
    np.testing.assert_allclose(
        ours, numpy_oracle.convolve(x, kernel, 2), rtol=1e-4, atol=1e-5
    )


def derivatives(convolve, x, kernel):
    """Returns value, gradients, and gradients of the gradients' size."""
    with tf.GradientTape() as outer:
        outer.watch([x, kernel])
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = convolve(x, kernel)
            loss = tf.reduce_sum(tf.square(y) * tf.cos(y))
        first = tape.gradient(loss, [x, kernel])
        size = tf.add_n([tf.reduce_sum(tf.sin(g)) for g in first])
    return [y, *first, *outer.gradient(size, [x, kernel])]


@pytest.mark.parametrize("shape", [(2, 3, 8, 4), (3, 8, 16, 2)])
def test_gradient_in_two_narrow_parts_is_that_of_the_wide_kernel(shape):
    """To the second derivative, which the second order needs."""
    x = tf.constant(image(shape))
    kernel = tf.constant(image((5, 5, shape[-1], 1), 1)) / 5.0
    found = derivatives(
        lambda x, k: convolution.depthwise_convolve(x, k, training=True),
        x,
        kernel,
    )
    wanted = derivatives(
        lambda x, k: tf.nn.depthwise_conv2d(x, k, [1, 1, 1, 1], "SAME"),
        x,
        kernel,
    )
    for value, want in zip(found, wanted, strict=True):
        scale = np.abs(want).max()
        np.testing.assert_allclose(value, want, rtol=1e-3, atol=1e-5 * scale)


def test_no_gradient_of_a_wide_depthwise_kernel_is_left_in_training():
    """It is six times slower on CPU than the two narrow ones."""

    @tf.function
    def compute(x, kernel):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            y = convolution.depthwise_convolve(x, kernel, training=True)
        return tape.gradient(y, kernel)

    graph = compute.get_concrete_function(
        tf.TensorSpec([4, 8, 8, 2]), tf.TensorSpec([5, 5, 2, 1])
    ).graph
    kernels = [
        op.outputs[0].shape.as_list()
        for op in graph.get_operations()
        if op.type == "DepthwiseConv2dNativeBackpropFilter"
    ]
    assert sorted(kernels) == [[5, 3, 2, 1], [5, 3, 4, 1]]
