"""The layers of a trunk that hold no cell: stems, reductions, fixed blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from maenas_tf.ops.convolution import convolve, fan_in_uniform
from maenas_tf.ops.mobile import ACTIVATIONS
from maenas_tf.ops.normalization import EPSILON, BatchNormalization
from maenas_tf.ops.pooling import average_pool_2x2
from maenas_tf.ops.primitives import make_primitive
from maenas_tf.ops.probe import add, relu
from maenas_tf.ops.relu_conv_norm import ReluConvNorm
from maenas_tf.registry import Registry
from maenas_tf.skeletons import plan
from maenas_tf.skeletons.mobile import FixedLayer

# The form of a placement to what makes its layer, of the placement, whether
# the layer keeps moving statistics, and its name.
LAYERS: Registry[Callable[[Any, bool, str], keras.layers.Layer]] = Registry(
    "form of a placement"
)


class Stem(keras.layers.Layer):
    """3x3 convolutions, each with an affine normalisation; ReLU between them.

    Args:
        channels: of each convolution's output.
        stride: of each convolution, 1 or 2.
        activation_first: begin with a ReLU.
        moving_statistics: of the normalisations.
        activation_last: end with "relu" or "relu6"; empty is none.
        epsilon: of the normalisations.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        stride: int = 1,
        activation_first: bool = False,
        moving_statistics: bool = False,
        activation_last: str = "",
        epsilon: float = EPSILON,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.stride = stride
        self.activation_first = activation_first
        self.activation_last = activation_last
        self.norms = [
            BatchNormalization(
                True, moving_statistics, epsilon, name=f"norm_{i}"
            )
            for i in range(len(channels))
        ]

    def build(self, input_shape):
        width = input_shape[-1]
        self.kernels = []
        for i, channels in enumerate(self.channels):
            self.kernels.append(
                self.add_weight(
                    name=f"kernel_{i}",
                    shape=(3, 3, width, channels),
                    initializer=fan_in_uniform(9 * width),
                )
            )
            self.norms[i].build((None, None, None, channels))
            width = channels
        self.built = True

    def call(self, x, training=False):
        for i, kernel in enumerate(self.kernels):
            if i or self.activation_first:
                x = relu(x)
            x = convolve(x, kernel, self.stride)
            x = self.norms[i].call(x, training=training)
        if self.activation_last:
            x = ACTIVATIONS[self.activation_last](x)
        return x


class ResidualReduction(keras.layers.Layer):
    """NAS-Bench-201's block between stages: half the size, new width.

    ReLU-3x3 stride 2-BN, ReLU-3x3-BN; shortcut: 2x2 average pooling and a
    1x1 convolution.

    Args:
        channels: of the output.
        moving_statistics: of the normalisation.
    """

    def __init__(
        self, channels: int, moving_statistics: bool = False, **kwargs
    ):
        super().__init__(**kwargs)
        self.channels = channels
        form = {"affine": True, "moving_statistics": moving_statistics}
        self.first = ReluConvNorm(channels, 3, 2, name="first", **form)
        self.second = ReluConvNorm(channels, 3, 1, name="second", **form)

    def build(self, input_shape):
        width = input_shape[-1]
        self.first.build(input_shape)
        self.second.build((None, None, None, self.channels))
        self.shortcut = self.add_weight(
            name="shortcut",
            shape=(1, 1, width, self.channels),
            initializer=fan_in_uniform(width),
        )
        self.built = True

    def call(self, x, training=False):
        residual = self.first.call(x, training=training)
        residual = self.second.call(residual, training=training)
        shortcut = convolve(average_pool_2x2(x), self.shortcut)
        return add(shortcut, residual)


@LAYERS.register(plan.Convolutions.form)
def _make_stem(
    placement: plan.Convolutions, moving_statistics: bool, name: str
) -> Stem:
    return Stem(
        placement.widths,
        placement.stride,
        placement.activation_first,
        moving_statistics,
        placement.activation_last,
        placement.epsilon,
        name=name,
    )


@LAYERS.register(FixedLayer.form)
def _make_fixed_layer(
    placement: FixedLayer, moving_statistics: bool, name: str
) -> keras.layers.Layer:
    del name  # A primitive has its own.
    return make_primitive(
        placement.primitive,
        placement.channels_out,
        2**placement.halvings,
        not moving_statistics,
        placement.family,
    )


@LAYERS.register(plan.ResidualReduction.form)
def _make_residual_reduction(
    placement: plan.ResidualReduction, moving_statistics: bool, name: str
) -> ResidualReduction:
    return ResidualReduction(
        placement.channels_out, moving_statistics, name=name
    )
