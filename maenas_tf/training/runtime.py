"""What every run begins and ends with, whatever it trains."""

from __future__ import annotations

import platform
import resource
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.config import Config, ConfigError
from maenas_tf.data.image_set import ImageSet
from maenas_tf.data.sources import load_images
from maenas_tf.training.distribution import (
    configure_runtime,
    divide_cpu,
    make_strategy,
)
from maenas_tf.training.loop import Loop


def start_runtime(config: Config) -> tf.distribute.Strategy:
    """Tells TensorFlow what a run needs and makes its strategy.

    Raises:
        ConfigError: there are too few devices, or the replicas cannot share
            the batch equally.
    """
    if config.strategy == "mirrored" and config.num_replicas > 1:
        divide_cpu(config.num_replicas)
    configure_runtime(config)
    strategy = make_strategy(config.strategy, config.num_replicas)
    count = strategy.num_replicas_in_sync
    if config.batch_size % count:
        raise ConfigError(
            f"--batch_size={config.batch_size} cannot be shared equally by "
            f"{count} replicas; give a multiple of {count}."
        )
    return strategy


def load_configured(config: Config, with_labels: bool) -> ImageSet:
    """Loads the images that a configuration names."""
    return load_images(
        config.dataset,
        data_dir=config.data_dir,
        split=config.split,
        max_images=config.max_images,
        image_size=config.image_size,
        with_labels=with_labels,
    )


def speed_facts(
    loop: Loop, rows: Sequence[dict[str, Any]], seconds_name: str
) -> dict[str, Any]:
    """Returns what a summary tells of a finished loop's speed and size."""
    speeds = [float(row["images_per_second"]) for row in rows]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return {
        seconds_name: round(loop.state["seconds"], 3),
        "images_per_second": round(float(np.mean(speeds)), 1),
        "steps": loop.epochs * loop.steps,
        "first_step_seconds": round(loop.state["first_step_seconds"], 3),
        "peak_memory_mb": round(memory, 1),
    }


def versions() -> dict[str, str]:
    """Returns the versions of what computed a run."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
