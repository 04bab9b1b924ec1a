"""The flags of a pretraining: one for each setting of `PretrainConfig`."""

from __future__ import annotations

from absl import flags

from flags import dataclass_flags, run_flags
from maenas_tf.training.config import PretrainConfig

RUN_DIR = run_flags.RUN_DIR
RESUME = run_flags.RESUME
CHECKPOINT_MINUTES = run_flags.CHECKPOINT_MINUTES
flags.adopt_module_key_flags(run_flags)
dataclass_flags.define(PretrainConfig, __name__)


def pretrain_config() -> PretrainConfig:
    """Returns the configuration that the flags ask for.

    Raises:
        ConfigError: a value is out of range or in conflict with another.
    """
    return dataclass_flags.read(PretrainConfig)
