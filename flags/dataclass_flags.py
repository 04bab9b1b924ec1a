"""Flags made from a configuration: one for each setting."""

from __future__ import annotations

from typing import Any, TypeVar

from absl import flags

from maenas_tf.config import Config

ConfigType = TypeVar("ConfigType", bound=Config)


def define(
    config_class: type[Config],
    module_name: str,
    flag_values: flags.FlagValues = flags.FLAGS,
) -> None:
    """Defines a flag for each setting, with its default and description.

    Args:
        config_class: the configuration.
        module_name: of the module that --helpshort is to list them under.
        flag_values: where they are defined.
    """
    for name, setting in config_class.settings().items():
        arguments = [name, setting.default, setting.description]
        define_flag = flags.DEFINE_string
        if setting.choices:
            arguments.insert(2, setting.choices)
            define_flag = flags.DEFINE_enum
        elif isinstance(setting.default, bool):
            define_flag = flags.DEFINE_bool
        elif isinstance(setting.default, int):
            define_flag = flags.DEFINE_integer
        elif isinstance(setting.default, float):
            define_flag = flags.DEFINE_float
        define_flag(*arguments, flag_values=flag_values)
        flag = flag_values[name]
        flag_values.register_key_flag_for_module(module_name, flag)


def values(
    config_class: type[Config], flag_values: flags.FlagValues = flags.FLAGS
) -> dict[str, Any]:
    """Returns setting to value as the flags ask for it, not validated."""
    return {name: flag_values[name].value for name in config_class.settings()}


def read(
    config_class: type[ConfigType],
    flag_values: flags.FlagValues = flags.FLAGS,
) -> ConfigType:
    """Returns the configuration that the flags ask for.

    Raises:
        ConfigError: a value is out of range or in conflict with another.
    """
    return config_class(**values(config_class, flag_values))
