"""Heads that predict classes: one vector an image, a view or a pixel."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.ops.convolution import convolve, fan_in_uniform
from maenas_tf.ops.mobile import ACTIVATIONS
from maenas_tf.ops.normalization import BatchNormalization
from maenas_tf.skeletons.plan import PLAIN_HEAD, Head

# The side of the windows that the auxiliary head pools.
_POOLED = 5


class ClassifierHead(keras.layers.Layer):
    """Global average pooling and a dense layer on the deepest feature.

    Args:
        num_classes: number of outputs.
        form: what stands before the pooling.
        moving_statistics: of that normalisation.
    """

    def __init__(
        self,
        num_classes: int,
        form: Head = PLAIN_HEAD,
        moving_statistics: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if num_classes < 2:
            raise ValueError(
                f"num_classes={num_classes} is not valid: give at least 2."
            )
        self.num_classes = num_classes
        self.form = form
        self.moving_statistics = moving_statistics

    def build(self, input_shape):
        width = input_shape[-1][-1]
        self.convolution = self.norm = None
        if self.form.channels:
            self.convolution = self.add_weight(
                name="convolution",
                shape=(1, 1, width, self.form.channels),
                initializer=fan_in_uniform(width),
            )
            width = self.form.channels
        if self.form.activation:
            self.norm = BatchNormalization(
                True, self.moving_statistics, self.form.epsilon, name="norm"
            )
            self.norm.build((None, None, None, width))
        inputs = self.num_inputs(width)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(inputs, self.num_classes),
            initializer=fan_in_uniform(inputs),
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(self.num_classes,),
            initializer=fan_in_uniform(inputs),
        )
        self.built = True

    def num_inputs(self, width: int) -> int:
        """Returns the inputs of the dense layer; `width` is the feature's."""
        return width

    def activate(self, features, training: bool) -> tf.Tensor:
        """Returns the deepest feature, activated where it has to be."""
        x = features[-1]
        if self.convolution is not None:
            x = convolve(x, self.convolution)
        if self.norm is not None:
            activation = ACTIVATIONS[self.form.activation]
            x = activation(self.norm.call(x, training=training))
        return x

    def classify(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the dense layer's logits of vectors [N, inputs]."""
        kernel = tf.convert_to_tensor(self.kernel)
        return tf.matmul(x, kernel) + tf.convert_to_tensor(self.bias)

    def call(self, features, training=False):
        """Returns logits [B, num_classes] of features, fine to coarse."""
        x = tf.reduce_mean(self.activate(features, training), [1, 2])
        return self.classify(x)


class EachViewHead(ClassifierHead):
    """Classifies every view of an image by itself.

    Args:
        num_classes: number of outputs.
        num_views: views of an image, side by side in the batch.
        form: as `ClassifierHead`.
        moving_statistics: as `ClassifierHead`.
    """

    def __init__(
        self,
        num_classes: int,
        num_views: int,
        form: Head = PLAIN_HEAD,
        moving_statistics: bool = False,
        **kwargs,
    ):
        super().__init__(num_classes, form, moving_statistics, **kwargs)
        self.num_views = num_views

    def call(self, features, training=False):
        """Returns logits [B, num_views, num_classes]."""
        logits = super().call(features, training=training)
        return tf.reshape(logits, [-1, self.num_views, self.num_classes])


class JointViewsHead(EachViewHead):
    """Classifies all views of an image together.

    Every view's feature is pooled; a dense layer sees them one after the
    other.
    """

    def num_inputs(self, width):
        return self.num_views * width

    def call(self, features, training=False):
        """Returns logits [B, num_classes] of features of the views."""
        x = tf.reduce_mean(self.activate(features, training), [1, 2])
        return self.classify(tf.reshape(x, [-1, self.kernel.shape[0]]))


class PixelHead(ClassifierHead):
    """Classifies every pixel: a 1x1 convolution, enlarged bilinearly.

    Args:
        num_classes: number of outputs.
        image_size: side of the image, pixels.
        form: as `ClassifierHead`.
        moving_statistics: as `ClassifierHead`.
    """

    def __init__(
        self,
        num_classes: int,
        image_size: int,
        form: Head = PLAIN_HEAD,
        moving_statistics: bool = False,
        **kwargs,
    ):
        super().__init__(num_classes, form, moving_statistics, **kwargs)
        self.image_size = image_size

    def call(self, features, training=False):
        """Returns logits [B, H, W, num_classes] of features."""
        x = self.activate(features, training)
        size, width = x.shape[2:]
        logits = self.classify(tf.reshape(x, [-1, width]))
        # Two products: TensorFlow's own op has no second derivative.
        matrix = bilinear_matrix(size, self.image_size)
        matrix = tf.constant(matrix, logits.dtype)
        logits = tf.reshape(logits, [-1, size, size * self.num_classes])
        logits = tf.matmul(matrix, logits)
        logits = tf.reshape(logits, [-1, size, self.num_classes])
        logits = tf.matmul(matrix, logits)
        side = self.image_size
        return tf.reshape(logits, [-1, side, side, self.num_classes])


def bilinear_matrix(size: int, larger: int) -> np.ndarray:
    """Makes the matrix that enlarges one axis by linear interpolation.

    Pixels are squares: the centre of pixel i is at i + 1/2. Beyond the first
    and last centre the value is that at the centre.

    Args:
        size: pixels of the axis.
        larger: pixels wanted.

    Returns:
        float64 [larger, size]; the rows add up to 1.
    """
    places = (np.arange(larger) + 0.5) * size / larger - 0.5
    places = np.clip(places, 0, size - 1)[:, np.newaxis]
    return np.maximum(0.0, 1.0 - np.abs(places - np.arange(size)))


class AuxiliaryHead(keras.layers.Layer):
    """A second classifier in the middle of the network, for training only.

    ReLU, 5x5 average pooling, 1x1 convolution to 128 channels, normalisation,
    ReLU, 2x2 convolution to 768 channels, normalisation, ReLU, dense. The
    ImageNet network's pools with stride 2, not 3, and has no second
    normalisation (both as in the DARTS reference). What is left of the pooling
    has to be 2x2 at least, of 7x7 on ImageNet and 8x8 on CIFAR.

    Args:
        num_classes: number of outputs.
        small_images: the CIFAR form, else the ImageNet form.
    """

    def __init__(self, num_classes: int, small_images: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.small_images = small_images
        self.stride = 3 if small_images else 2

    def build(self, input_shape):
        side = _POOLED + self.stride
        if input_shape is None or min(input_shape[1:3]) < side:
            raise ConfigError(
                f"--auxiliary_weight needs a feature map of at least "
                f"{side}x{side} in the middle of the network, received "
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
        x = tf.nn.relu(x)
        x = tf.nn.avg_pool2d(x, _POOLED, self.stride, "VALID")
        x = tf.nn.conv2d(x, tf.convert_to_tensor(self.first), 1, "VALID")
        x = tf.nn.relu(self.norms[0].call(x, training=training))
        x = tf.nn.conv2d(x, tf.convert_to_tensor(self.second), 1, "VALID")
        if self.small_images:
            x = self.norms[1].call(x, training=training)
        # One pixel for the reference's image sizes; an average beyond them.
        x = tf.reduce_mean(tf.nn.relu(x), [1, 2])
        kernel = tf.convert_to_tensor(self.kernel)
        return tf.matmul(x, kernel) + tf.convert_to_tensor(self.bias)
