"""The flags of a search: one for each setting of `SearchConfig`."""

from __future__ import annotations

from collections.abc import Callable

from absl import flags

from flags import dataclass_flags, run_flags
from maenas_tf.executors import Pool
from maenas_tf.executors.settings import ExecutorSettings
from maenas_tf.searching.config import SearchConfig

RUN_DIR = run_flags.RUN_DIR
RESUME = run_flags.RESUME
CHECKPOINT_MINUTES = run_flags.CHECKPOINT_MINUTES
flags.adopt_module_key_flags(run_flags)
dataclass_flags.define(SearchConfig, __name__)
dataclass_flags.define(ExecutorSettings, __name__)


def search_config() -> SearchConfig:
    """Returns the configuration that the flags ask for.

    Raises:
        ConfigError: a value is out of range or in conflict with another.
    """
    return dataclass_flags.read(SearchConfig)


def pool_maker() -> Callable[..., Pool] | None:
    """Returns what makes the workers that score; None is this process.

    Raises:
        ConfigError: a value is wrong or in conflict with another.
    """
    return dataclass_flags.read(ExecutorSettings).pool_maker()
