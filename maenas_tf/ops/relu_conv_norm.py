"""ReLU, convolution and normalisation, of which much else is made."""

from __future__ import annotations

import keras
import tensorflow as tf

from maenas_tf.ops import convolution
from maenas_tf.ops.normalization import BatchNormalization
from maenas_tf.ops.packing import add_weight
from maenas_tf.ops.source import SourceNode


class ReluConvNorm(keras.layers.Layer):
    """ReLU, kxk convolution, normalisation; any width in and out.

    Args:
        channels: of the output.
        kernel_size: k, odd.
        stride: 1 or 2.
        use_bias: add a bias (NAS-Bench-201 while searching).
        affine: of the normalisation.
        moving_statistics: of the normalisation.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int = 1,
        stride: int = 1,
        use_bias: bool = False,
        affine: bool = False,
        moving_statistics: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.use_bias = use_bias
        self.affine = affine
        self.moving_statistics = moving_statistics

    def build(self, input_shape):
        k, width = self.kernel_size, input_shape[-1]
        fan_in = k * k * width
        self.kernel = add_weight(
            self,
            "kernel",
            (k, k, width, self.channels),
            convolution.fan_in_uniform(fan_in),
        )
        self.bias = None
        if self.use_bias:
            self.bias = add_weight(
                self,
                "bias",
                (self.channels,),
                convolution.fan_in_uniform(fan_in),
            )
        self.norm = BatchNormalization(
            self.affine, self.moving_statistics, name="norm"
        )
        self.norm.build((None, None, None, self.channels))
        self.built = True

    def call(self, x, training=False):
        return self.weighted(SourceNode.of(x), None, training)

    def weighted(self, source, weight, training=False):
        """Returns weight * operation(source.value); see `Primitive`."""
        return self.finish(source.relu, weight, training)

    def finish(self, rectified, weight, training=False):
        """Returns what `weighted` does, of the rectified value."""
        return self.norm.call(self.convolve(rectified), weight, training)

    def convolve(self, rectified):
        """Returns what is to be normalised."""
        x = convolution.convolve(rectified, self.kernel, self.stride)
        if self.bias is not None:
            x = tf.nn.bias_add(x, tf.convert_to_tensor(self.bias))
        return x
