"""The flags of an export."""

from __future__ import annotations

from absl import flags

RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Directory of a training (tools.train).", required=True
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
    "Serving), keras (one file), litert (one file for phones).",
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
