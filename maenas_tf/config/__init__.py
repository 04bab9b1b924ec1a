"""Configurations: frozen, validated dataclasses."""

from maenas_tf.config.base import (
    CHOICES,
    MASK_FILLS,
    Config,
    ConfigError,
    SearchConfig,
    check,
)

__all__ = [
    "CHOICES",
    "MASK_FILLS",
    "Config",
    "ConfigError",
    "SearchConfig",
    "check",
]
