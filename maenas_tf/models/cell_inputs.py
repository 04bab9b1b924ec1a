"""What prepares the inputs of a cell."""

from __future__ import annotations

import functools

import keras

from maenas_tf.ops.factorized_reduce import FactorizedReduce
from maenas_tf.ops.recompute import recompute
from maenas_tf.ops.relu_conv_norm import ReluConvNorm


class CellInputs(keras.layers.Layer):
    """Brings the outputs of the two previous cells to one width and size.

    ReLU, 1x1 convolution, normalisation; `FactorizedReduce` for the older one
    where the previous cell halved the resolution.

    Args:
        channels: C, of both results.
        reduced_before: whether the previous cell was a reduction cell.
        search: the search's normalisation, else the network's.

    Attributes:
        recompute: compute all of it again for its gradient, which keeps the
            inputs; given before the first call.
    """

    recompute = False

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
        return [
            self._prepared(layer, x, training)
            for layer, x in zip((self.older, self.newer), inputs, strict=True)
        ]

    def _prepared(self, layer, x, training):
        if not self.recompute:
            return layer.call(x, training=training)
        prepare = functools.partial(layer.call, training=training)
        return recompute(prepare, [x], layer.variables)
