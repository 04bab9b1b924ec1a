"""Convolutions with the reference's symmetric padding.

TensorFlow's 'same' pads (0, 1) at stride 2 where the reference pads (1, 1),
and its dilated depthwise kernel at stride 2 is wrong without a word
(tensorflow#100237); the functions here are right for every combination.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from maenas_tf.ops.probe import Compute, Probe, active_probe, apply
from maenas_tf.ops.tape import shape_of
from maenas_tf.ops.watched import (
    are_watched,
    convolve_watched,
    depthwise_to_input,
    depthwise_turned,
)


def fan_in_uniform(fan_in: int) -> keras.initializers.Initializer:
    """Returns uniform(-1/sqrt(fan_in), 1/sqrt(fan_in)), as the reference has.

    One initializer draws the same values each time: make one per weight.

    Args:
        fan_in: inputs that one output sums over. Given, not derived from the
            shape: for depthwise kernels Keras would count it C times.
    """
    limit = 1.0 / math.sqrt(fan_in)
    return keras.initializers.RandomUniform(-limit, limit)


def padded(x: tf.Tensor, size: int, value: float = 0.0) -> tf.Tensor:
    """Returns x [B, H, W, C] with `size` pixels of a value on every side."""
    paddings = [[0, 0], [size, size], [size, size], [0, 0]]
    return tf.pad(x, paddings, constant_values=value)


def pad(x: tf.Tensor, size: int, value: float = 0.0) -> tf.Tensor:
    """Returns what `padded` does, and notes the way back."""
    return apply(lambda x: padded(x, size, value), x)


def convolve(
    x: tf.Tensor, kernel: tf.Tensor | keras.Variable, stride: int = 1
) -> tf.Tensor:
    """Convolves with padding (k-1)/2 on every side.

    Args:
        x: [B, H, W, C].
        kernel: [k, k, C, D], k odd.
        stride: 1 or 2.

    Returns:
        [B, ceil(H/stride), ceil(W/stride), D].
    """
    padding = "SAME"
    if stride > 1:
        x, padding = pad(x, kernel.shape[0] // 2), "VALID"
    strides = [1, stride, stride, 1]

    probe = active_probe()
    if probe is None:
        kernel = tf.convert_to_tensor(kernel)
        return convolve_watched(
            "Conv2D",
            lambda x, kernel: tf.nn.conv2d(x, kernel, strides, padding),
            x,
            kernel,
        )

    def compute(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.Conv2D(
            input=x, filter=kernel, strides=strides, padding=padding
        )

    ways = compute, _turned, tf.raw_ops.Conv2DBackpropInput
    return _probed(probe, x, kernel, ways, strides, padding)


def _probed(
    probe: Probe,
    x: tf.Tensor,
    kernel: tf.Tensor | keras.Variable,
    ways: tuple[Compute, Callable[[tf.Tensor], tf.Tensor], Callable],
    strides: Sequence[int],
    padding: str,
) -> tf.Tensor:
    """Convolves, and tells a probe the way back to the input.

    Args:
        probe: is told.
        x: [B, H, W, C].
        kernel: [k, k, ...].
        ways: what convolves, what makes the kernel that leads back at stride
            1, and TensorFlow's operation that leads back.
        strides: of the convolution, [4].
        padding: of the convolution.
    """
    # Not the probe: what it notes would hold it, and all of its pass.
    kernels = probe.kernels
    compute, turn, to_input = ways

    def back(x, kernel, upstream):
        if strides[1] == 1:
            # On CPU faster than the operation that is made for it.
            return compute(upstream, kernels.form(kernel, "turned", turn))
        return to_input(
            input_sizes=shape_of(x, upstream),
            filter=kernel,
            out_backprop=upstream,
            strides=strides,
            padding=padding,
        )

    return probe.convolve(x, kernel, compute, back)


def _turned(kernel: tf.Tensor) -> tf.Tensor:
    """Returns the kernel that leads back at stride 1, [k, k, D, C]."""
    return tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])


def depthwise_convolve(
    x: tf.Tensor,
    kernel: tf.Tensor | keras.Variable,
    stride: int = 1,
    dilation: int = 1,
    training: bool = False,
) -> tf.Tensor:
    """Convolves each channel alone, padding dilation*(k-1)/2 on every side.

    At stride 2 and dilation 2 every tap of an output falls on an even row and
    column: the result is exactly the undilated convolution, at stride 1, of
    every second pixel.

    Args:
        x: [B, H, W, C].
        kernel: [k, k, C, 1], k odd.
        stride: 1 or 2.
        dilation: 1 or 2.
        training: take the faster of two ways to the kernel's gradient.

    Returns:
        [B, ceil(H/stride), ceil(W/stride), C].
    """
    if stride == dilation == 2:
        x = apply(lambda x: x[:, ::2, ::2], x)
        stride = dilation = 1
    probe = active_probe()
    if probe is None:
        kernel = tf.convert_to_tensor(kernel)
        if (
            training
            and stride == dilation == 1
            and _narrow_gradient_pays(x, kernel)
            and are_watched([kernel])[0]
        ):
            return _convolve_5_wide(x, kernel)
    padding = "SAME"
    if stride > 1:
        x, padding = pad(x, kernel.shape[0] // 2), "VALID"

    strides = [1, stride, stride, 1]

    def compute(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        if probe is not None and dilation == 1:
            # Without the wrapper, which takes longer than a small image.
            return tf.raw_ops.DepthwiseConv2dNative(
                input=x, filter=kernel, strides=strides, padding=padding
            )
        return tf.nn.depthwise_conv2d(
            x, kernel, strides, padding, dilations=[dilation, dilation]
        )

    if probe is None:
        return convolve_watched("DepthwiseConv2dNative", compute, x, kernel)
    back = tf.raw_ops.DepthwiseConv2dNativeBackpropInput
    ways = compute, depthwise_turned, back
    return _probed(probe, x, kernel, ways, strides, padding)


def _narrow_gradient_pays(x: tf.Tensor, kernel: tf.Tensor) -> bool:
    """Whether the detour of `_filter_gradient_5_wide` is the shorter way."""
    width = x.shape[2]
    return (
        kernel.shape[1] == 5
        and x.dtype == tf.float32
        and width is not None
        and width % 2 == 0
        and width >= 8
        and not tf.config.list_physical_devices("GPU")
    )


@tf.custom_gradient
def _convolve_5_wide(x: tf.Tensor, kernel: tf.Tensor):
    """Convolves each channel alone at stride 1; see `depthwise_convolve`."""
    # Within a branch a tensor of the branch: TensorFlow finds no other one
    # where the gradient of the branch is taken within a function.
    kernel = tf.identity(kernel)
    y = tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "SAME")

    def gradient(upstream):
        to_input = depthwise_to_input(kernel, upstream)
        return to_input, _filter_gradient_5_wide(x, upstream, kernel.shape[0])

    return y, gradient


def _filter_gradient_5_wide(
    x: tf.Tensor, upstream: tf.Tensor, height: int
) -> tf.Tensor:
    """Returns the gradient of a [height, 5, C, 1] kernel, as two narrow ones.

    On CPU the gradient of a depthwise kernel is fast up to a width of three,
    and six times slower beyond (TF 2.21 with oneDNN). Taps -1, 0 and 1 are
    those of a narrow kernel. Taken in pairs of pixels, which no memory moves
    for, the image is half as wide with 2C channels, and taps -2, 0 and 2 are
    neighbours: the outer ones are a narrow kernel's as well.
    """
    _, rows, columns, channels = x.shape
    inner = _filter_gradient(x, upstream, height)
    pairs = [-1, rows, columns // 2, 2 * channels]
    outer = _filter_gradient(
        tf.reshape(x, pairs), tf.reshape(upstream, pairs), height
    )
    # Both pixels of a pair share the kernel.
    outer = tf.reduce_sum(tf.reshape(outer, [height, 3, 2, channels, 1]), 2)
    left, _, right = tf.split(outer, 3, 1)
    return tf.concat([left, inner, right], 1)


def _filter_gradient(
    x: tf.Tensor, upstream: tf.Tensor, height: int
) -> tf.Tensor:
    """Returns the gradient of a depthwise kernel [height, 3, C, 1]."""
    return tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
        input=x,
        filter_sizes=[height, 3, x.shape[-1], 1],
        out_backprop=upstream,
        strides=[1, 1, 1, 1],
        padding="SAME",
    )
