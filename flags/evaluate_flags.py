"""The flags of an evaluation."""

from __future__ import annotations

from absl import flags

RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "Of a training (tools.train); the report is written there.",
    required=True,
)
CHECKPOINT = flags.DEFINE_enum(
    "checkpoint",
    "best",
    ("best", "last"),
    "Which weights: of the epoch of the best validation accuracy (the last, "
    "where no images were held out) or of the last epoch.",
)
DATASET = flags.DEFINE_string(
    "dataset",
    "",
    '"digits", "folder" or a tfds name; empty means the one trained on.',
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
    "batch_size", 256, "Images at once.", lower_bound=1
)
