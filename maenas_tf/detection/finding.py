"""What a detector finds in images, and how good that is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from maenas_tf.detection.batches import evaluation_batches
from maenas_tf.detection.boxed_images import BoxedImages
from maenas_tf.detection.retinanet import AveragePrecision, Detector


class Finder:
    """Runs a detector on one device, whatever it is trained on.

    Args:
        detector: of normalised images.
    """

    def __init__(self, detector: Detector):
        side = detector.image_size
        shape = (None, side, side, 3)
        self._side = side
        self._find = tf.function(
            lambda images: detector.decode(detector(images)),
            input_signature=[tf.TensorSpec(shape, tf.float32)],
            autograph=False,
        )

    def __call__(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns what is found, as `Detector.decode` does."""
        return self._find(images)

    def each(
        self,
        data: BoxedImages,
        batch_size: int,
        indices: np.ndarray | None = None,
    ) -> Iterator[tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]]:
        """Yields the batches of images and what is found in them."""
        for batch in evaluation_batches(data, batch_size, indices):
            yield batch, self(batch["image"])

    def measure(
        self,
        data: BoxedImages,
        batch_size: int,
        indices: np.ndarray | None = None,
    ) -> dict[str, float]:
        """Returns COCO's figures, as `AveragePrecision.result`."""
        precision = AveragePrecision()
        for batch, found in self.each(data, batch_size, indices):
            precision.add(batch["boxes"], batch["classes"], found)
        return precision.result()
