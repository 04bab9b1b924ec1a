"""Decoders: from the supernet's features back to the image.

That the decoder is fed with several scales is the paper's (arXiv 2311.12086);
its form here is ours, a light feature pyramid.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from maenas_tf.ops.convolution import convolve, fan_in_uniform
from maenas_tf.ops.normalization import BatchNormalization, batch_normalize
from maenas_tf.registry import Registry

DECODERS: Registry = Registry("decoder")


def upsample_2x(x: tf.Tensor) -> tf.Tensor:
    """Repeats every pixel of [B, H, W, C] into a block of 2x2."""
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)


class Decoder(keras.layers.Layer):
    """Reconstructs images from features.

    Each feature that is fed in is first normalised over the batch, without
    learned scale: nodes are sums, whose scale grows with the operations that
    an architecture has, and a decoder serves them all. (NAS-Bench-201's
    skeleton normalises before its pooling likewise, and masked autoencoders
    of transformers end their encoder with a normalisation.)

    Args:
        image_size: side of the image, pixels.
        width: channels inside the decoder.
    """

    def __init__(self, image_size: int, width: int, **kwargs):
        super().__init__(**kwargs)
        self.image_size = image_size
        self.width = width

    def _convolution(self, name: str, size: int, inputs: int, outputs: int):
        return self.add_weight(
            name=name,
            shape=(size, size, inputs, outputs),
            initializer=fan_in_uniform(size * size * inputs),
        )

    def _build_output(self, stride: int, size: int, inputs: int) -> None:
        """Makes the last convolution, to stride x stride pixels of RGB."""
        self.output_stride = stride
        outputs = 3 * stride * stride
        self.output_kernel = self._convolution("output", size, inputs, outputs)
        self.output_bias = self.add_weight(
            name="output_bias", shape=(outputs,), initializer="zeros"
        )

    def _output(self, x):
        x = convolve(x, self.output_kernel)
        x = tf.nn.bias_add(x, tf.convert_to_tensor(self.output_bias))
        if self.output_stride > 1:
            x = tf.nn.depth_to_space(x, self.output_stride)
        return x


@DECODERS.register("hierarchical")
class HierarchicalDecoder(Decoder):
    """Fuses all scales, coarse to fine.

    Every scale passes a 1x1 lateral convolution to `width` channels; from the
    coarsest on: upsample x2, add the next scale, 3x3 convolution, batch
    normalisation, ReLU. A last 3x3 convolution predicts the pixels.
    """

    def scales(self, input_shape) -> list[bool]:
        """Returns for each scale, fine to coarse, whether it is fed in."""
        return [True] * len(input_shape)

    def build(self, input_shape):
        self.fed = self.scales(input_shape)
        self.laterals = [
            self._convolution(f"lateral_{i}", 1, shape[-1], self.width)
            if self.fed[i]
            else None
            for i, shape in enumerate(input_shape)
        ]
        self.kernels, self.norms = [], []
        for i in range(len(input_shape) - 1):
            self.kernels.append(
                self._convolution(f"kernel_{i}", 3, self.width, self.width)
            )
            norm = BatchNormalization(affine=True, name=f"norm_{i}")
            norm.build((None, None, None, self.width))
            self.norms.append(norm)
        self._build_output(self.image_size // input_shape[0][1], 3, self.width)
        self.built = True

    def _lateral(self, features, i: int):
        x = batch_normalize(features[i])[0]
        return convolve(x, self.laterals[i])

    def call(self, features, training=False):
        """Returns images [B, H, W, 3] from features, fine to coarse."""
        x = self._lateral(features, -1)
        for i in reversed(range(len(features) - 1)):
            x = upsample_2x(x)
            if self.fed[i]:
                x = x + self._lateral(features, i)
            x = convolve(x, self.kernels[i])
            x = tf.nn.relu(self.norms[i].call(x, training=training))
        return self._output(x)


@DECODERS.register("single_scale")
class SingleScaleDecoder(HierarchicalDecoder):
    """The hierarchical decoder's width and depth, fed with the coarsest only.

    It stands for the "regular decoder" that the paper compares with.
    """

    def scales(self, input_shape):
        return [False] * (len(input_shape) - 1) + [True]


@DECODERS.register("linear")
class LinearDecoder(Decoder):
    """Each position of the coarsest feature predicts its own pixels, linearly.

    No convolution over space and no activation, as SimMIM's prediction head
    (Xie et al., 2022). `width` has no part in it.
    """

    def build(self, input_shape):
        stride = self.image_size // input_shape[-1][1]
        self._build_output(stride, 1, input_shape[-1][-1])
        self.built = True

    def call(self, features, training=False):
        """Returns images [B, H, W, 3] from features, fine to coarse."""
        return self._output(batch_normalize(features[-1])[0])
