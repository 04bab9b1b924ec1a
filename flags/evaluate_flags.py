"""The flags of an evaluation."""

from __future__ import annotations

import contextlib
from typing import Any

from absl import flags

from flags import dataclass_flags
from maenas_tf.config import MULTI_WORKER, ConfigError
from maenas_tf.training.config import EvaluationSettings

RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "Of a training (tools.train, tools.train_detector); the report is written "
    "there.",
    required=True,
)
CHECKPOINT = flags.DEFINE_enum(
    "checkpoint",
    "best",
    ("best", "last"),
    "Which weights: of the epoch of the best validation accuracy or AP (the "
    "last, where no images were held out) or of the last epoch.",
)
DATASET = flags.DEFINE_string(
    "dataset",
    "",
    '"digits", "folder" or a tfds name, of a detector "coco_json" or a tfds '
    "name; empty means the one trained on.",
)
ANNOTATIONS = flags.DEFINE_string(
    "annotations",
    "",
    "JSON file of boxes, in COCO's form, to evaluate a detector on.",
)
DATA_DIR = flags.DEFINE_string(
    "data_dir",
    "",
    "Folder of images (one subfolder a class), or the tfds data directory; "
    "empty means the training's.",
)
SPLIT = flags.DEFINE_string("split", "test", "The split to evaluate on.")
MAX_IMAGES = flags.DEFINE_integer(
    "max_images", 0, "Use at most so many images; 0 means all.", lower_bound=0
)
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size",
    256,
    "Images at once; of a detector 16 unless it is given.",
    lower_bound=1,
)
dataclass_flags.define(EvaluationSettings, __name__)
_OF_DETECTOR = 16


def images_wanted() -> dict[str, Any]:
    """Returns what the flags say of the images to evaluate on."""
    return {
        "dataset": DATASET.value,
        "data_dir": DATA_DIR.value,
        "split": SPLIT.value,
        "max_images": MAX_IMAGES.value,
    }


def detector_batch_size() -> int:
    """Returns the images at once of a detector, which takes more memory."""
    given = flags.FLAGS["batch_size"].present
    return BATCH_SIZE.value if given else _OF_DETECTOR


def check_of_classifier() -> None:
    """Raises ConfigError: a flag is given that only a detector has use for."""
    if ANNOTATIONS.value:
        raise ConfigError(
            f"--annotations={ANNOTATIONS.value} is for a detector, but "
            f"--run_dir={RUN_DIR.value} is not of tools.train_detector; drop "
            f"it."
        )


def together(detects: bool) -> contextlib.AbstractContextManager[str]:
    """Returns what yields the run directory, once all workers are there.

    Args:
        detects: whether the run is of a detector, which one process evaluates.

    Raises:
        ConfigError: a value is out of range or in conflict with another.
    """
    settings = dataclass_flags.read(EvaluationSettings)
    if detects and settings.strategy == MULTI_WORKER:
        raise ConfigError(
            f"--strategy={settings.strategy} is for the runs of tools.train, "
            f"and --run_dir={RUN_DIR.value} is of tools.train_detector; drop "
            f"it."
        )
    from maenas_tf.runs.taking_part import taking_part

    about = (CHECKPOINT, DATASET, DATA_DIR, SPLIT, MAX_IMAGES, BATCH_SIZE)
    asked = {flag.name: flag.value for flag in about}
    return taking_part(settings, RUN_DIR.value, asked)
