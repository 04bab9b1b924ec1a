"""The flags of a pipeline: its directory, and those of its stages."""

from __future__ import annotations

from absl import flags

from flags import stage_flags

RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "Each stage is written to a folder of its own name in it.",
    required=True,
)
stage_flags.define(__name__)
