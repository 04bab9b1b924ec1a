"""The flags of a detector's training: one for each of its settings."""

from __future__ import annotations

from absl import flags

from flags import dataclass_flags, run_flags
from maenas_tf.detection.config import DetectConfig

RUN_DIR = run_flags.RUN_DIR
RESUME = run_flags.RESUME
CHECKPOINT_MINUTES = run_flags.CHECKPOINT_MINUTES
flags.adopt_module_key_flags(run_flags)
dataclass_flags.define(DetectConfig, __name__)


def detect_config() -> DetectConfig:
    """Returns the configuration that the flags ask for.

    Raises:
        ConfigError: a value is out of range or in conflict with another.
    """
    return dataclass_flags.read(DetectConfig)
