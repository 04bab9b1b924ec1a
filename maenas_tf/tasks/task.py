"""The seam between what is learned and how it is learned."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from maenas_tf.config import SearchConfig
from maenas_tf.registry import Registry
from maenas_tf.skeletons import Head

TASKS: Registry = Registry("task")

Batch = dict[str, tf.Tensor]


class Task:
    """A task: map, head, loss and metrics.

    Attributes:
        reads_labels: whether `map` needs a "label". Where it is false the
            data set that is built holds none.
        warmup_fraction: part of the epochs in which only weights move, where
            the user does not say.
        settings: fields of `SearchConfig` that this task reads and others do
            not; a search says so when one is set that its task does not read.

    Args:
        config: the search's configuration.
        image_size: side of the images, pixels.
        num_classes: of the data set; 0 without labels.
    """

    reads_labels = False
    warmup_fraction = 0.0
    settings: tuple[str, ...] = ()

    def __init__(self, config: SearchConfig, image_size: int, num_classes: int):
        self.config = config
        self.image_size = image_size
        self.num_classes = num_classes

    @property
    def input_size(self) -> int:
        """Side of the images that the supernet sees, pixels."""
        return self.image_size

    def map(self, example: Batch, seed: tf.Tensor) -> Batch:
        """Maps one image to what a step needs; runs inside tf.data.

        Args:
            example: "image", float32 [H, W, 3], normalised and augmented;
                "pixels", uint8 [H, W, 3], the same before it was normalised;
                "index", int64 scalar, the image's number, the same in every
                epoch; "label", int32 scalar, where `reads_labels`.
            seed: int32 [2], another one for every image and epoch.

        Returns:
            A dictionary with "input" and whatever loss and metrics need.
            "input" is float32 [h, w, 3], h = w = `input_size`, or [V, h, w,
            3] where the supernet sees V views of an image; then `build_input`
            folds the views into the batch (`FoldViews`) and the head unfolds
            them, so that losses stay one number an image.
        """
        raise NotImplementedError

    def build_head(self, form: Head) -> keras.layers.Layer:
        """Returns the layer on the supernet's features, fine to coarse.

        Args:
            form: what stands before a classifier in the space's networks.
        """
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


def unread_settings(config: SearchConfig) -> list[str]:
    """Lists the settings, not at their default, that only other tasks read.

    They are no error: a recipe made for one task can be run with another.
    """
    tasks = [TASKS.get(name) for name in TASKS.names()]
    others = {setting for task in tasks for setting in task.settings}
    others -= set(TASKS.get(config.task).settings)
    changed = config.differences(SearchConfig())
    return [name for name in changed if name in others]
