"""Heads that predict one vector an image."""

from __future__ import annotations

import keras
import tensorflow as tf

from maenas_tf.ops.convolution import fan_in_uniform
from maenas_tf.ops.normalization import BatchNormalization


class ClassifierHead(keras.layers.Layer):
    """Global average pooling and a dense layer on the deepest feature.

    Args:
        num_classes: number of outputs.
        activation: precede with normalisation and ReLU (NAS-Bench-201).
        moving_statistics: of that normalisation.
    """

    def __init__(
        self,
        num_classes: int,
        activation: bool = False,
        moving_statistics: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if num_classes < 2:
            raise ValueError(
                f"num_classes={num_classes} is not valid: give at least 2."
            )
        self.num_classes = num_classes
        self.activation = activation
        self.moving_statistics = moving_statistics

    def build(self, input_shape):
        width = input_shape[-1][-1]
        self.norm = None
        if self.activation:
            self.norm = BatchNormalization(
                True, self.moving_statistics, name="norm"
            )
            self.norm.build((None, None, None, width))
        self.kernel = self.add_weight(
            name="kernel",
            shape=(width, self.num_classes),
            initializer=fan_in_uniform(width),
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(self.num_classes,),
            initializer=fan_in_uniform(width),
        )
        self.built = True

    def call(self, features, training=False):
        """Returns logits [B, num_classes] of features, fine to coarse."""
        x = features[-1]
        if self.norm is not None:
            x = tf.nn.relu(self.norm.call(x, training=training))
        x = tf.reduce_mean(x, [1, 2])
        kernel = tf.convert_to_tensor(self.kernel)
        return tf.matmul(x, kernel) + tf.convert_to_tensor(self.bias)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "activation": self.activation,
            "moving_statistics": self.moving_statistics,
        }
