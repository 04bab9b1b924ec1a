"""Configurations: groups of settings as frozen, validated dataclasses."""

from maenas_tf.config.base import (
    AT_LEAST_ONE,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    ZERO_IS_DEFAULT,
    Config,
    ConfigError,
    Range,
    Setting,
    check,
    setting,
)
from maenas_tf.config.data import (
    BatchSettings,
    DataSettings,
    EpochSettings,
    HalvesSettings,
    LabelSettings,
    read_colour,
)
from maenas_tf.config.network import NetworkSettings
from maenas_tf.config.open_config import OpenConfig
from maenas_tf.config.optimizer import OptimizerSettings
from maenas_tf.config.paths import user_path
from maenas_tf.config.runtime import (
    MULTI_WORKER,
    DeviceSettings,
    RuntimeSettings,
    StepCacheSettings,
    WorkerSettings,
    check_strategy,
    parse_workers,
)

__all__ = [
    "AT_LEAST_ONE",
    "FRACTION",
    "MULTI_WORKER",
    "NOT_NEGATIVE",
    "POSITIVE",
    "ZERO_IS_DEFAULT",
    "BatchSettings",
    "Config",
    "ConfigError",
    "DataSettings",
    "DeviceSettings",
    "EpochSettings",
    "HalvesSettings",
    "LabelSettings",
    "NetworkSettings",
    "OpenConfig",
    "OptimizerSettings",
    "Range",
    "RuntimeSettings",
    "Setting",
    "StepCacheSettings",
    "WorkerSettings",
    "check",
    "check_strategy",
    "parse_workers",
    "read_colour",
    "setting",
    "user_path",
]
