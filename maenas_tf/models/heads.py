"""Heads that predict one vector an image."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from maenas_tf.config import ConfigError
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


class AuxiliaryHead(keras.layers.Layer):
    """A second classifier in the middle of the network, for training only.

    ReLU, 5x5 average pooling, 1x1 convolution to 128 channels, normalisation,
    ReLU, 2x2 convolution to 768 channels, normalisation, ReLU, dense. The
    ImageNet network's pools with stride 2, not 3, and has no second
    normalisation (both as in the DARTS reference).

    Args:
        num_classes: number of outputs.
        small_images: the CIFAR form, else the ImageNet form.
    """

    def __init__(self, num_classes: int, small_images: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.small_images = small_images

    def build(self, input_shape):
        if input_shape is None or min(input_shape[1:3]) < 8:
            raise ConfigError(
                f"--auxiliary_weight needs a feature map of at least 8x8 in "
                f"the middle of the network, received "
                f"{input_shape and input_shape[1:3]}; set it to 0 (always for "
                f"nasbench201) or enlarge --image_size."
            )
        width = input_shape[-1]
        self.first = self._kernel("first", (1, 1, width, 128))
        self.second = self._kernel("second", (2, 2, 128, 768))
        self.kernel = self._kernel("kernel", (768, self.num_classes))
        self.bias = self.add_weight(
            name="bias",
            shape=(self.num_classes,),
            initializer=fan_in_uniform(768),
        )
        self.norms = []
        for i, channels in enumerate((128, 768)[: 1 + self.small_images]):
            norm = BatchNormalization(True, True, name=f"norm_{i}")
            norm.build((None, None, None, channels))
            self.norms.append(norm)
        self.built = True

    def _kernel(self, name: str, shape: tuple[int, ...]):
        fan_in = math.prod(shape[:-1])
        return self.add_weight(
            name=name, shape=shape, initializer=fan_in_uniform(fan_in)
        )

    def call(self, x, training=False):
        """Returns logits [B, num_classes] of a feature map [B, H, W, C]."""
        stride = 3 if self.small_images else 2
        x = tf.nn.avg_pool2d(tf.nn.relu(x), 5, stride, "VALID")
        x = tf.nn.conv2d(x, tf.convert_to_tensor(self.first), 1, "VALID")
        x = tf.nn.relu(self.norms[0].call(x, training=training))
        x = tf.nn.conv2d(x, tf.convert_to_tensor(self.second), 1, "VALID")
        if self.small_images:
            x = self.norms[1].call(x, training=training)
        # One pixel for the reference's image sizes; an average beyond them.
        x = tf.reduce_mean(tf.nn.relu(x), [1, 2])
        kernel = tf.convert_to_tensor(self.kernel)
        return tf.matmul(x, kernel) + tf.convert_to_tensor(self.bias)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "small_images": self.small_images,
        }
