"""The flags of an export."""

from __future__ import annotations

from absl import flags

from maenas_tf.config import ConfigError

RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "Directory of a training (tools.train, tools.train_detector).",
    required=True,
)
OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    None,
    "Where the models are written; must be missing or empty.",
    required=True,
)
FORMATS = flags.DEFINE_list(
    "formats",
    ["saved_model", "keras", "litert"],
    "What to write, separated by commas: saved_model (a directory for TF "
    "Serving), keras (one file), litert (one file for phones). A detector is "
    "written as saved_model alone.",
)
CHECKPOINT = flags.DEFINE_enum(
    "checkpoint",
    "best",
    ["best", "last"],
    "Weights of the epoch of the best validation accuracy (the last where "
    "nothing was held out), or of the last epoch.",
)
VERSION = flags.DEFINE_integer(
    "version",
    1,
    "Of the SavedModel: the name of its directory. TF Serving serves the "
    "highest.",
)


def check_formats_of_detector() -> None:
    """Raises ConfigError: a format is asked for that a detector has not."""
    given = flags.FLAGS["formats"].present
    if given and FORMATS.value != ["saved_model"]:
        raise ConfigError(
            f"--formats={','.join(FORMATS.value)}: the detector in --run_dir="
            f"{RUN_DIR.value} can be written as saved_model alone; give "
            f"--formats=saved_model."
        )
