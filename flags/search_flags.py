"""The flags of a search: one for each field of `SearchConfig`."""

from __future__ import annotations

import pathlib
import re

from absl import flags

import maenas_tf
from flags import dataclass_flags, run_flags
from maenas_tf.config import SearchConfig

RUN_DIR = run_flags.RUN_DIR
RESUME = run_flags.RESUME
CHECKPOINT_MINUTES = run_flags.CHECKPOINT_MINUTES
flags.adopt_module_key_flags(run_flags)


def _registered(folder: str, registry: str) -> list[str]:
    """Finds the names that the modules of a folder register.

    In their text: importing them would load TensorFlow to show a help.
    """
    line = re.compile(rf'^@{registry}\.register\("(\w+)"\)$', re.MULTILINE)
    modules = pathlib.Path(maenas_tf.__file__).with_name(folder).glob("*.py")
    return [
        name
        for module in sorted(modules)
        for name in line.findall(module.read_text(encoding="utf-8"))
    ]


dataclass_flags.define(
    SearchConfig, __name__, {"task": _registered("tasks", "TASKS")}
)


def search_config() -> SearchConfig:
    """Returns the configuration that the flags ask for.

    Raises:
        ConfigError: a value is out of range or in conflict with another.
    """
    return dataclass_flags.read(SearchConfig)
