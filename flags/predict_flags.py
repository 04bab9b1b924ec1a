"""The flags of a prediction with an exported model."""

from __future__ import annotations

from absl import flags

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
    "probability.",
    required=True,
)
TOP_K = flags.DEFINE_integer(
    "top_k", 1, "Write the so many most probable classes, one row each."
)
BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 32, "Images that are computed together."
)
