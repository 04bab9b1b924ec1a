"""The flags of a prediction with an exported model."""

from __future__ import annotations

from absl import flags

from maenas_tf.config import ConfigError

SAVED_MODEL = flags.DEFINE_string(
    "saved_model",
    None,
    "A SavedModel of tools.export, as DIR/saved_model/1; of a directory of "
    "versions the highest is taken.",
    required=True,
)
IMAGES = flags.DEFINE_string(
    "images",
    None,
    "An image, or a folder of images of any nesting and size.",
    required=True,
)
OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "The CSV file to write, with the columns path, class, class_name and "
    "probability; of a detector path, class, class_name, score, x_min, y_min, "
    "x_max and y_max, a row for each box.",
    required=True,
)
TOP_K = flags.DEFINE_integer(
    "top_k", 1, "Write the so many most probable classes, one row each."
)
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 32, "Images that are computed together."
)
PICTURES = flags.DEFINE_string(
    "pictures",
    "",
    "Folder that the images are written to with the boxes that a detector "
    "finds; empty writes none.",
)
MIN_SCORE = flags.DEFINE_float(
    "min_score", 0.3, "Of a detector's boxes: leave out what is less likely."
)


def check_use(detects: bool) -> None:
    """Raises ConfigError: a flag is given that the model has no use for.

    Args:
        detects: whether the model is a detector.
    """
    kinds = ("a classifier", "a detector")
    idle = ("top_k",) if detects else ("pictures", "min_score")
    for name in idle:
        if flags.FLAGS[name].present:
            raise ConfigError(
                f"--{name}={flags.FLAGS[name].value} is for "
                f"{kinds[not detects]}, but --saved_model="
                f"{SAVED_MODEL.value} is {kinds[detects]}; drop it."
            )
