"""The flags of a run that writes a run directory and can be resumed."""

from __future__ import annotations

from absl import flags

RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Where everything is written.", required=True
)
RESUME = flags.DEFINE_bool(
    "resume", True, "Go on with the run that is in run_dir."
)
CHECKPOINT_MINUTES = flags.DEFINE_float(
    "checkpoint_minutes",
    10.0,
    "Write a checkpoint at least so often, besides after each epoch.",
    lower_bound=0.0,
)
