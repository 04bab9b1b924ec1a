"""What a server runs: from image files to boxes, in one graph."""

from __future__ import annotations

import os
from collections.abc import Sequence

import tensorflow as tf

from maenas_tf.data.augment import normalize
from maenas_tf.data.decoding import decode_whole
from maenas_tf.detection.letterbox import fitted_sides, letterbox
from maenas_tf.detection.retinanet import Detector
from maenas_tf.engine.tensorflow_paths import tensorflow_path
from maenas_tf.training.trained_run import Preprocessing

Outputs = dict[str, tf.Tensor]


class ServingDetector(tf.Module):
    """A detector with its preprocessing inside, for `tf.saved_model.save`.

    Signatures, of dynamic batch:
        serving_default, serving_bytes: image_bytes, string [N], each a JPEG,
            PNG or WebP file of any size.
        serving_uint8: images, uint8 [N, H, W, 3] of any size.
    Both give `boxes`, float32 [N, 100, 4]: left, upper, right and lower side
    in pixels of the image given, upright; `classes`, int64 [N, 100]; `scores`,
    float32 [N, 100], the likeliest first; `num_detections`, int32 [N]. Behind
    the last detection all are -1.

    Args:
        detector: of normalised images.
        preprocessing: size of the images, mean and standard deviation, and
            how files become bytes.
        assets: files that are saved with it.
    """

    def __init__(
        self,
        detector: Detector,
        preprocessing: Preprocessing,
        assets: Sequence[str | os.PathLike[str]] = (),
    ):
        super().__init__(name="detector")
        self._size = preprocessing.image_size
        self._rules = preprocessing.pixels
        self.assets = [tf.saved_model.Asset(tensorflow_path(f)) for f in assets]
        mean, std = preprocessing.mean, preprocessing.std
        shape = (None, self._size, self._size, 3)

        # Traced once, whatever the signatures do before it.
        @tf.function(
            input_signature=[tf.TensorSpec(shape, tf.uint8)], autograph=False
        )
        def find(squares: tf.Tensor) -> Outputs:
            outputs = detector(normalize(squares, mean, std))
            return detector.decode(outputs)

        self._find = find
        self._weights = list(find.get_concrete_function().variables)

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")]
    )
    def find_in_bytes(self, image_bytes: tf.Tensor) -> Outputs:
        """Finds boxes in encoded images, string [N]."""
        size = self._size

        def fit(encoded):
            pixels = decode_whole(encoded, self._rules)
            return letterbox(pixels, size), tf.shape(pixels)[:2]

        squares, sides = tf.map_fn(
            fit,
            image_bytes,
            fn_output_signature=(
                tf.TensorSpec((size, size, 3), tf.uint8),
                tf.TensorSpec((2,), tf.int32),
            ),
        )
        return self._in_images(self._find(squares), sides)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
        ]
    )
    def find_in_images(self, images: tf.Tensor) -> Outputs:
        """Finds boxes in images, uint8 [N, H, W, 3]."""
        size = self._size
        squares = tf.map_fn(
            lambda pixels: letterbox(pixels, size),
            images,
            fn_output_signature=tf.TensorSpec((size, size, 3), tf.uint8),
        )
        shape = tf.shape(images)
        sides = tf.repeat(shape[tf.newaxis, 1:3], shape[0], axis=0)
        return self._in_images(self._find(squares), sides)

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Returns the signatures by name."""
        of_bytes = self.find_in_bytes.get_concrete_function()
        return {
            "serving_default": of_bytes,
            "serving_bytes": of_bytes,
            "serving_uint8": self.find_in_images.get_concrete_function(),
        }

    def _in_images(self, found: Outputs, sides: tf.Tensor) -> Outputs:
        """Brings boxes from the squares back into the images.

        Args:
            found: of `Detector.decode`.
            sides: height and width of each image, int32 [N, 2].
        """
        height, width = tf.unstack(sides, axis=1)
        fitted = fitted_sides(height, width, self._size)
        scale = tf.stack([width / fitted[1], height / fitted[0]], axis=1)
        scale = tf.cast(tf.tile(scale, [1, 2]), tf.float32)
        most = tf.cast(
            tf.stack([width, height, width, height], axis=1), tf.float32
        )
        boxes = found["boxes"] * scale[:, tf.newaxis]
        boxes = tf.minimum(boxes, most[:, tf.newaxis])
        there = found["scores"] >= 0
        boxes = tf.where(there[..., tf.newaxis], boxes, -1.0)
        return {**found, "boxes": boxes}
