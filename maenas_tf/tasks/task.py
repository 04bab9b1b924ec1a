"""The seam between what is learned and how it is learned."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from maenas_tf.config import SearchConfig
from maenas_tf.registry import Registry
from maenas_tf.spaces import Space

TASKS: Registry = Registry("task")

Batch = dict[str, tf.Tensor]


class Task:
    """A task: map, head, loss and metrics.

    Attributes:
        reads_labels: whether `map` needs a "label". Where it is false the
            data set that is built holds none.
        warmup_fraction: part of the epochs in which only weights move, where
            the user does not say.

    Args:
        config: the search's configuration.
        image_size: side of the images, pixels.
        num_classes: of the data set; 0 without labels.
    """

    reads_labels = False
    warmup_fraction = 0.0

    def __init__(self, config: SearchConfig, image_size: int, num_classes: int):
        self.config = config
        self.image_size = image_size
        self.num_classes = num_classes

    def map(self, example: Batch, seed: tf.Tensor) -> Batch:
        """Maps one image to what a step needs; runs inside tf.data.

        Args:
            example: "image", float32 [H, W, 3], normalised and augmented;
                "label", int32 scalar, where `reads_labels`.
            seed: int32 [2], another one for every image and epoch.

        Returns:
            A dictionary with "input", float32 [H, W, 3], and whatever loss
            and metrics need.
        """
        raise NotImplementedError

    def build_head(self, space: Space) -> keras.layers.Layer:
        """Returns the layer on the supernet's features, fine to coarse."""
        raise NotImplementedError

    def build_input(self) -> keras.layers.Layer | None:
        """Returns a layer from the batch to the supernet's input.

        None, the default, takes "input" as it is.
        """
        return None

    def losses(self, batch: Batch, outputs: tf.Tensor) -> tf.Tensor:
        """Returns the loss of each example, [B]."""
        raise NotImplementedError

    def metrics(self, batch: Batch, outputs: tf.Tensor) -> dict[str, Any]:
        """Returns further figures of each example, name to [B]."""
        return {}

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The keys of `metrics`."""
        return ()

    def preview(
        self, batch: Batch, outputs: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor] | None:
        """Returns input, output and original images to look at, or None.

        Each is [B, H, W, 3], normalised.
        """
        return None
