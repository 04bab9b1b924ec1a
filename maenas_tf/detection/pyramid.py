"""What stands between a backbone and its detections: pyramid and heads.

As in keras-cv, but of any width, and with names of their own: those of keras-cv
are counted through by Keras, so that a process that builds two detectors would
not find its checkpoints again.

Source: Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017;
Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf


class FeaturePyramid(keras.layers.Layer):
    """Joins features of several resolutions, and adds coarser ones.

    Args:
        levels: names of the features to take, fine to coarse.
        num_coarser: maps that are added below the coarsest, each of half the
            resolution.
        channels: of each map.
    """

    def __init__(
        self, levels: Sequence[str], num_coarser: int, channels: int, **kwargs
    ):
        super().__init__(**kwargs)
        self.levels = tuple(levels)
        self.channels = channels

        def convolution(size, stride, name):
            return keras.layers.Conv2D(
                channels, size, stride, "same", name=name
            )

        self.laterals = [convolution(1, 1, f"lateral_{n}") for n in levels]
        self.outputs = [convolution(3, 1, f"output_{n}") for n in levels]
        self.coarser = [
            convolution(3, 2, f"coarser_{i}") for i in range(num_coarser)
        ]
        self.enlarge = keras.layers.UpSampling2D(2, name="enlarge")

    def build(self, input_shape: Mapping[str, Any]):
        inner = (None, None, None, self.channels)
        for lateral, output, name in zip(
            self.laterals, self.outputs, self.levels, strict=True
        ):
            lateral.build(input_shape[name])
            output.build(inner)
        for i, layer in enumerate(self.coarser):
            layer.build(inner if i else input_shape[self.levels[-1]])
        self.built = True

    def call(self, features: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
        """Returns the maps, fine to coarse."""
        joined = []
        for lateral, name in zip(
            reversed(self.laterals), reversed(self.levels), strict=True
        ):
            x = lateral(features[name])
            if joined:
                x += self.enlarge(joined[0])
            joined.insert(0, x)
        maps = [layer(x) for layer, x in zip(self.outputs, joined, strict=True)]
        x = features[self.levels[-1]]
        for i, layer in enumerate(self.coarser):
            x = layer(tf.nn.relu(x) if i else x)
            maps.append(x)
        return maps

    def compute_output_shape(self, input_shape):
        shapes = [tuple(input_shape[n])[:3] for n in self.levels]
        for _ in self.coarser:
            batch, *sides = shapes[-1]
            halves = [None if s is None else -(-s // 2) for s in sides]
            shapes.append((batch, *halves))
        return [(*shape, self.channels) for shape in shapes]


# Channels that are normalised together: even a map of one pixel has a variance.
_GROUP = 8


class PredictionHead(keras.layers.Layer):
    """Convolutions over a map, the same for all maps.

    Args:
        outputs: channels of the last convolution.
        channels: of those before it.
        bias: that the last convolution begins with.
        depth: how many convolutions come before the last.
        normalized: whether the outputs of these are normalised, by groups of
            channels of each image (Wu and He, "Group Normalization", ECCV
            2018, section 4.2).
    """

    def __init__(
        self,
        outputs: int,
        channels: int,
        bias: float = 0.0,
        depth: int = 3,
        normalized: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_outputs = outputs
        self.channels = channels
        self.hidden = [
            keras.layers.Conv2D(
                channels,
                3,
                padding="same",
                kernel_initializer="orthogonal",
                name=f"hidden_{i}",
            )
            for i in range(depth)
        ]
        groups = channels // _GROUP if channels % _GROUP == 0 else 1
        self.norms = [
            keras.layers.GroupNormalization(groups, name=f"norm_{i}")
            for i in range(depth if normalized else 0)
        ]
        self.last = keras.layers.Conv2D(
            outputs,
            3,
            padding="same",
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            bias_initializer=keras.initializers.Constant(bias),
            name="last",
        )

    def build(self, input_shape):
        inner = (*input_shape[:-1], self.channels)
        for layer in (*self.hidden, self.last):
            layer.build(input_shape)
            input_shape = inner
        for norm in self.norms:
            norm.build(inner)
        self.built = True

    def call(self, x):
        for i, layer in enumerate(self.hidden):
            x = layer(x)
            if self.norms:
                x = self.norms[i](x)
            x = tf.nn.relu(x)
        return self.last(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.num_outputs)
