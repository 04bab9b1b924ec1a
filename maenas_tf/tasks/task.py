"""The seam between what is learned and how it is learned."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeAlias

from etils import epy

from maenas_tf.config import Config, ConfigError
from maenas_tf.config.noted import Noted
from maenas_tf.registry import Registry
from maenas_tf.skeletons import Head, Plan

# What the flags list must not wait for TensorFlow.
with epy.lazy_imports():
    import keras
    import tensorflow as tf

TASKS: Registry = Registry("task")

Batch: TypeAlias = "dict[str, tf.Tensor]"


@dataclasses.dataclass(frozen=True)
class TaskContext(Noted):
    """What a task is told besides its own settings.

    What a step computes had better not read what is noted: it serves one run
    alone then.

    Attributes:
        image_size: side of the images, pixels.
        num_classes: of the data set; 0 without labels.
        dataset: its name, for messages.
        seed: of the run.
        init_channels: of the network (C).
        plan: of the network; of its sizes only the reduction is the
            search's.
        class_counts: images of each class; empty without labels.
    """

    noted = ("dataset", "seed", "class_counts")

    image_size: int
    num_classes: int
    dataset: str
    seed: int
    init_channels: int
    plan: Plan
    class_counts: tuple[int, ...] = ()


class Task:
    """A task: map, head, loss and metrics.

    Attributes:
        reads_labels: whether `map` needs a "label". Where it is false the
            data set that is built holds none.
        warmup_fraction: part of the epochs in which only weights move, where
            the user does not say.
        class_weights: of the losses of each class's images; empty where all
            weigh alike.
        settings: its own, at their defaults until a search sets them; their
            class is where they are declared, and flags and configurations
            find them by it.
        context: what else it is told.

    Args:
        settings: as the user chose them.
        context: as above.
    """

    reads_labels = False
    warmup_fraction = 0.0
    class_weights: tuple[float, ...] = ()
    settings = Config()

    def __init__(self, settings: Config, context: TaskContext):
        self.settings = settings
        self.context = context

    @property
    def image_size(self) -> int:
        """Side of the images, pixels."""
        return self.context.image_size

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


def make_task(name: str, config: Config, context: TaskContext) -> Task:
    """Returns a task with its own settings out of a configuration.

    Args:
        name: that it is registered under.
        config: has the settings of all tasks.
        context: what it is told besides.

    Raises:
        ConfigError: there is no such task, or a setting does not suit it.
    """
    task_class = TASKS.get_for_flag("task", name)
    try:
        settings = config.group(type(task_class.settings))
    except ConfigError as error:
        raise ConfigError(f"With --task={name}, {error}") from error
    return task_class(settings, context)
