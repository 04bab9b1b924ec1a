"""The flags of a correlation experiment: one for each setting."""

from __future__ import annotations

from collections.abc import Callable

from absl import flags

from flags import dataclass_flags
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.executors import Pool
from maenas_tf.executors.settings import ExecutorSettings

RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Where everything is written.", required=True
)
RESUME = flags.DEFINE_bool(
    "resume", True, "Go on with the run that is in run_dir."
)
dataclass_flags.define(CorrelateConfig, __name__)
dataclass_flags.define(ExecutorSettings, __name__)


def correlate_config() -> CorrelateConfig:
    """Returns the configuration that the flags ask for.

    Raises:
        ConfigError: a value is out of range or in conflict with another.
    """
    return dataclass_flags.read(CorrelateConfig)


def pool_maker() -> Callable[..., Pool] | None:
    """Returns what makes the workers that judge; None is this process.

    Raises:
        ConfigError: a value is wrong or in conflict with another.
    """
    return dataclass_flags.read(ExecutorSettings).pool_maker()
