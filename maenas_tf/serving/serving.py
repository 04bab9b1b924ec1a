"""What a server runs: from images to class probabilities, in one graph."""

from __future__ import annotations

import os
from collections.abc import Sequence

import keras
import tensorflow as tf

from maenas_tf.data import decoding
from maenas_tf.data.augment import normalize
from maenas_tf.data.resizing import resize_images
from maenas_tf.engine.tensorflow_paths import tensorflow_path
from maenas_tf.models.network import Network
from maenas_tf.training.trained_run import Preprocessing

# Interpolation overshoots 0..1 a little; bytes given as floats, or images
# that were standardised already, leave these bounds.
FLOAT_RANGE = (-0.5, 1.5)

Outputs = dict[str, tf.Tensor]


class ServingModule(tf.Module):
    """A network with its preprocessing inside, for `tf.saved_model.save`.

    The dtype of the images tells their range: uint8 is 0..255, float32 is
    0..1. It is never guessed from the values; floats far outside of 0..1 are
    an error, those a little outside, as by interpolation, are cut off. Images
    of any other size than the network's are resized: the shorter side
    bilinearly, with antialiasing, then the centre is cut, as the data pipeline
    does.

    Signatures, all of dynamic batch and with the outputs `probabilities`
    (float32 [N, classes]) and `classes` (int64 [N], the most probable one):
        serving_default: images, float32 [N, H, W, 3] in 0..1.
        serving_uint8: images, uint8 [N, H, W, 3].
        serving_bytes: image_bytes, string [N], each a JPEG, PNG or WebP file
            of any size. They become the bytes that the same file became in
            the training: upright, sixteen bits and transparency by its rules.

    Calling the module, before or after it was saved, takes both dtypes.

    Args:
        network: from normalised images to logits.
        preprocessing: size of the images, mean and standard deviation, and
            how files become bytes.
        assets: files that are saved with it.
    """

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        assets: Sequence[str | os.PathLike[str]] = (),
    ):
        super().__init__(name="classifier")
        self._size = preprocessing.image_size
        self._rules = preprocessing.pixels
        self.assets = [tf.saved_model.Asset(tensorflow_path(f)) for f in assets]
        shape = (None, self._size, self._size, 3)

        # Traced once, whatever the signatures do before it.
        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])
        def classify(values: tf.Tensor) -> Outputs:
            mean, std = preprocessing.mean, preprocessing.std
            logits = network(normalize(values, mean, std), training=False)
            probabilities = tf.nn.softmax(tf.cast(logits, tf.float32))
            classes = tf.argmax(probabilities, -1, output_type=tf.int64)
            return {"probabilities": probabilities, "classes": classes}

        self._classify = classify
        # Those in use; an auxiliary head's are not saved.
        self._weights = list(classify.get_concrete_function().variables)

    @tf.function
    def __call__(self, images: tf.Tensor) -> Outputs:
        """Classifies images, uint8 [N, H, W, 3] or float32 in 0..1."""
        if images.dtype == tf.uint8:
            values = tf.cast(self._fit(images), tf.float32)
        else:
            values = _scaled(self._fit(_checked(images)))
        return self._classify(values)

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")]
    )
    def classify_bytes(self, image_bytes: tf.Tensor) -> Outputs:
        """Classifies encoded images, string [N]."""
        size, rules = self._size, self._rules
        shape = (size, size, 3)
        images = tf.map_fn(
            lambda encoded: decoding.decode(encoded, size, rules),
            image_bytes,
            fn_output_signature=tf.TensorSpec(shape, tf.uint8),
        )
        return self(images)

    @property
    def fixed_size_function(self) -> tf.types.experimental.ConcreteFunction:
        """Float images in 0..1 of the network's size to the outputs.

        It neither resizes nor checks, for which LiteRT has no operations.
        """
        shape = (None, self._size, self._size, 3)
        classify = self._classify

        @tf.function(input_signature=[tf.TensorSpec(shape, name="images")])
        def function(images: tf.Tensor) -> Outputs:
            return classify(_scaled(images))

        return function.get_concrete_function()

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Returns the signatures by name."""
        shape = (None, None, None, 3)
        of_images = self.__call__.get_concrete_function
        return {
            "serving_default": of_images(
                tf.TensorSpec(shape, tf.float32, name="images")
            ),
            "serving_uint8": of_images(
                tf.TensorSpec(shape, tf.uint8, name="images")
            ),
            "serving_bytes": self.classify_bytes.get_concrete_function(),
        }

    def _fit(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the images at the network's size, untouched if they are."""
        size = self._size
        fits = tf.reduce_all(tf.equal(tf.shape(images)[-3:-1], size))
        fitted = tf.cond(
            fits,
            lambda: images,
            lambda: resize_images(images, size, self._rules.center_crop),
        )
        return tf.ensure_shape(fitted, [*images.shape[:-3], size, size, 3])


def _scaled(images: tf.Tensor) -> tf.Tensor:
    """Returns floats as 0..255, what overshoots 0..1 cut off."""
    return 255 * tf.clip_by_value(images, 0.0, 1.0)


def _checked(images: tf.Tensor) -> tf.Tensor:
    """Returns the images, after an operation that fails on wrong ones."""
    low, high = FLOAT_RANGE
    # As all stateful operations of a tf.function it runs, used or not.
    tf.debugging.Assert(
        tf.reduce_all((images >= low) & (images <= high)),
        [
            "Float images must be in 0..1; give bytes as uint8 (signature "
            "serving_uint8). Received values from, to:",
            tf.reduce_min(images),
            tf.reduce_max(images),
        ],
    )
    return images


def make_keras_classifier(
    network: Network, preprocessing: Preprocessing
) -> keras.Model:
    """Makes a functional model: images to probabilities.

    Args:
        network: from normalised images to logits; its layer "network".
        preprocessing: size of the images, mean and standard deviation.

    Returns:
        A model of float32 [N, S, S, 3] in 0..1 to float32 [N, classes].
    """
    size = preprocessing.image_size
    images = keras.Input((size, size, 3), name="images")
    clipped = keras.ops.clip(images, 0.0, 1.0)
    normalized = keras.layers.Normalization(
        mean=preprocessing.mean,
        variance=[std**2 for std in preprocessing.std],
        name="normalization",
    )(clipped)
    probabilities = keras.layers.Softmax(name="probabilities", dtype="float32")
    return keras.Model(
        images, probabilities(network(normalized)), name="classifier"
    )
