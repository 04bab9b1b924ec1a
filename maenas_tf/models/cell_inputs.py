"""What prepares the inputs of a cell."""

from __future__ import annotations

import keras

from maenas_tf.ops.factorized_reduce import FactorizedReduce
from maenas_tf.ops.relu_conv_norm import ReluConvNorm


class CellInputs(keras.layers.Layer):
    """Brings the outputs of the two previous cells to one width and size.

    ReLU, 1x1 convolution, normalisation; `FactorizedReduce` for the older one
    where the previous cell halved the resolution.

    Args:
        channels: C, of both results.
        reduced_before: whether the previous cell was a reduction cell.
        search: the search's normalisation, else the network's.
    """

    def __init__(
        self, channels: int, reduced_before: bool, search: bool, **kwargs
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.reduced_before = reduced_before
        self.search = search
        form = {"affine": not search, "moving_statistics": not search}
        self.newer = ReluConvNorm(channels, name="newer", **form)
        self.older = (
            FactorizedReduce(channels, search, name="older")
            if reduced_before
            else ReluConvNorm(channels, name="older", **form)
        )

    def build(self, input_shape):
        self.older.build(input_shape[0])
        self.newer.build(input_shape[1])
        self.built = True

    def call(self, inputs, training=False):
        """Takes and returns [older, newer], each [B, H, W, C]."""
        older, newer = inputs
        return [
            self.older.call(older, training=training),
            self.newer.call(newer, training=training),
        ]
