"""Examples for the tests of single tasks."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import SPACES
from maenas_tf.tasks import Task
from maenas_tf.tasks.objective import build_task


def make_task(
    name: str,
    size: int = 8,
    num_classes: int = 0,
    class_counts: tuple[int, ...] = (),
    **settings,
) -> Task:
    """Returns the task of a search in nasbench201 or as `settings` say."""
    config = SearchConfig(**{"task": name, "space": "nasbench201", **settings})
    space = SPACES.get(config.space)
    return build_task(config, space, size, num_classes, class_counts)


def make_batch(
    task: Task, count: int = 3, size: int = 8, seed: int = 7
) -> dict[str, tf.Tensor]:
    """Returns a batch of random images, mapped by the task."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, size, size, 3), np.uint8)
    examples = [
        task.map(
            {
                "image": tf.constant((image / 127.5 - 1.0).astype(np.float32)),
                "pixels": tf.constant(image),
                "index": tf.constant(number, tf.int64),
            },
            tf.constant([number, seed]),
        )
        for number, image in enumerate(pixels)
    ]
    return {key: tf.stack([e[key] for e in examples]) for key in examples[0]}
