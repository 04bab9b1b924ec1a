"""What every run begins and ends with, whatever it trains."""

from __future__ import annotations

import pathlib
import platform
import resource
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.config import DataSettings, DeviceSettings
from maenas_tf.config.data import RESIZED
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.notes import Notes, noted_in
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.sources import load_images
from maenas_tf.data.tracking import tracked_by
from maenas_tf.engine.console import say, track
from maenas_tf.engine.devices import configure_runtime
from maenas_tf.engine.loop import Loop
from maenas_tf.engine.strategies import make_strategy
from maenas_tf.ops.replica import synchronize_statistics


def start_runtime(
    config: DeviceSettings, strategy: tf.distribute.Strategy | None = None
) -> tf.distribute.Strategy:
    """Tells TensorFlow what a run needs and makes its strategy.

    Changes the whole process: enter an `OwnRuntime` first.

    Args:
        config: of the run.
        strategy: of a run before, whose variables this one goes on with;
            None makes one.

    Raises:
        ConfigError: there are too few devices, or the replicas cannot do
            what is asked for.
    """
    configure_runtime(config)
    synchronize_statistics(config.sync_statistics)
    if strategy is None:
        strategy = make_strategy(config)
    # "auto" may have found several.
    replicas = strategy.num_replicas_in_sync
    config.check_replicas(replicas)
    if replicas == 1 and not config.sync_statistics:
        say("note: --nosync_statistics changes nothing, as there is 1 replica")
    return strategy


def load_configured(
    config: DataSettings, with_labels: bool, notes: Notes | None = None
) -> ImageSource:
    """Loads the images that a configuration names, and shows how far it is.

    Args:
        config: names them.
        with_labels: whether to read the labels.
        notes: of a run on these images; takes what is found out.
    """
    with tracked_by(track), noted_in(notes or Notes()):
        return load_images(
            config.dataset,
            data_dir=config.data_dir,
            split=config.split,
            max_images=config.max_images,
            image_size=config.image_size,
            with_labels=with_labels,
            rules=PixelRules(config.background, center_crop=config.center_crop),
            whole=config.augment and config.crop == RESIZED,
        )


def run_facts(seed: int, images: ImageSource) -> dict[str, Any]:
    """Returns what every summary tells of how it came about, and of what.

    Args:
        seed: of the run.
        images: that it was given.
    """
    return {
        "seed": seed,
        "versions": versions(),
        "dataset": images.name,
        "num_images": images.num_images,
        "num_skipped_files": images.num_skipped,
        "num_other_files": images.num_others,
    }


def speed_facts(
    loop: Loop, rows: Sequence[dict[str, Any]], seconds_name: str
) -> dict[str, Any]:
    """Returns what a summary tells of a finished loop's speed and size."""
    speeds = [float(row["images_per_second"]) for row in rows]
    return {
        seconds_name: round(loop.state["seconds"], 3),
        "images_per_second": round(float(np.mean(speeds)), 1),
        "steps": loop.all_epochs * loop.steps,
        "first_step_seconds": round(loop.state["first_step_seconds"], 3),
        "peak_memory_mb": round(memory_mb("VmHWM"), 1),
    }


def memory_mb(field: str) -> float:
    """Returns the resident memory of this process, MB.

    Args:
        field: "VmHWM", the most so far, or "VmRSS", the present. Where there
            is no /proc it is the most so far either way, and not less than
            what the parent had when it started this process.
    """
    try:
        text = pathlib.Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_maxrss / 1024.0
    (line,) = (x for x in text.splitlines() if x.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024.0


def versions() -> dict[str, str]:
    """Returns the versions of what computed a run."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
