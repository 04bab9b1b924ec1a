"""Half the resolution, every pixel used (Liu et al., "DARTS", 2019)."""

from __future__ import annotations

import keras

from maenas_tf.config import ConfigError
from maenas_tf.ops import convolution
from maenas_tf.ops.normalization import BatchNormalization
from maenas_tf.ops.packing import add_weight
from maenas_tf.ops.probe import concat
from maenas_tf.ops.source import SourceNode


class FactorizedReduce(keras.layers.Layer):
    """Halves the resolution without losing every second pixel.

    ReLU, then two 1x1 convolutions of stride 2 to C/2 channels each, the
    second on the input shifted by one pixel down-right; concatenated and
    normalised. Odd sizes are padded by one pixel at the bottom and right.

    Args:
        channels: of the output.
        search: the search's normalisation, else the network's.
    """

    def __init__(self, channels: int, search: bool = True, **kwargs):
        super().__init__(**kwargs)
        if channels % 2:
            raise ConfigError(
                f"A reduction to {channels} channels cannot be made of two "
                f"halves; give an even --init_channels."
            )
        self.channels = channels
        self.search = search

    def build(self, input_shape):
        width = input_shape[-1]
        shape = (1, 1, width, self.channels // 2)
        self.even, self.odd = (
            add_weight(self, name, shape, convolution.fan_in_uniform(width))
            for name in ("even", "odd")
        )
        self.norm = BatchNormalization(
            affine=not self.search,
            moving_statistics=not self.search,
            name="norm",
        )
        self.norm.build((None, None, None, self.channels))
        self.built = True

    def call(self, x, training=False):
        return self.weighted(SourceNode.of(x), None, training)

    def weighted(self, source, weight, training=False):
        """Returns weight * operation(source.value); see `Primitive`."""
        return self.finish(self.begin(source), weight, training)

    def begin(self, source):
        """Returns what all edges of a node share; see `Primitive`."""
        return source.relu_subsampled

    def finish(self, begun, weight, training=False):
        """Returns what `weighted` does, of what `begin` has returned."""
        return self.norm.call(self.convolve(begun), weight, training)

    def convolve(self, begun):
        """Returns what is to be normalised."""
        # Subsample, then convolve at stride 1: on CPU the filter gradient of a
        # strided 1x1 convolution overruns its buffer (TF 2.21, few channels).
        even, odd = begun
        return concat(
            [
                convolution.convolve(even, self.even),
                convolution.convolve(odd, self.odd),
            ]
        )
