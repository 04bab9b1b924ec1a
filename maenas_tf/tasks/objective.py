"""Which task is learned, as a configuration says it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from maenas_tf.config import Config, OpenConfig, setting
from maenas_tf.skeletons import evaluation_size, make_plan
from maenas_tf.spaces import Space
from maenas_tf.tasks.task import TASKS, Task, TaskContext, make_task


def _settings_of_tasks() -> dict[str, type[Config]]:
    return {name: type(TASKS.get(name).settings) for name in TASKS.names()}


@dataclasses.dataclass(frozen=True, init=False, eq=False, repr=False)
class ObjectiveSettings(OpenConfig):
    """What is learned: a task, with the settings of every task."""

    task: str = setting("mae", "what supervises the weights.", registry=TASKS)

    @classmethod
    def registered(cls) -> dict[str, Mapping[str, type[Config]]]:
        return {**super().registered(), "task": _settings_of_tasks()}


def build_task(
    config: Any,
    space: Space,
    image_size: int,
    num_classes: int = 0,
    class_counts: tuple[int, ...] = (),
) -> Task:
    """Returns the task that a configuration names.

    Args:
        config: `ObjectiveSettings`, with the data set, the seed and the size
            of the network.
        space: of the network.
        image_size: side of the images, pixels.
        num_classes: of the data set; 0 without labels.
        class_counts: images of each class, where they are known.

    Raises:
        ConfigError: the task is unknown, or a setting or the images do not
            suit it.
    """
    context = TaskContext(
        image_size,
        num_classes,
        dataset=config.dataset,
        seed=config.seed,
        init_channels=config.init_channels,
        plan=make_plan(space, evaluation_size(space, config.stem)),
        class_counts=class_counts,
    )
    return make_task(config.task, config, context)
