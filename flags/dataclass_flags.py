"""Flags made from a configuration: one for each field."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from absl import flags

from maenas_tf.config import CHOICES, Config

ConfigType = TypeVar("ConfigType", bound=Config)


def _help_texts(config_class: type[Config]) -> dict[str, str]:
    """Reads the fields' descriptions from the dataclass's docstring.

    And from those of its bases, for the fields that it has from them.
    """
    texts = {}
    for documented in reversed(config_class.__mro__):
        _, _, text = (documented.__doc__ or "").partition("Attributes:")
        entries = re.split(r"\n {8}(?=\w+: )", text)[1:]
        pairs = (entry.split(": ", 1) for entry in entries)
        texts.update((name, " ".join(words.split())) for name, words in pairs)
    return texts


def define(
    config_class: type[Config],
    module_name: str,
    names: Mapping[str, Iterable[str]] | None = None,
) -> None:
    """Defines a flag for each field, with its default and description.

    Args:
        config_class: the configuration.
        module_name: of the module that --helpshort is to list them under.
        names: field to the values that its description is to list.
    """
    texts = _help_texts(config_class)
    for name, values in (names or {}).items():
        texts[name] = f"{texts[name]} One of {', '.join(values)}."
    for field in dataclasses.fields(config_class):
        name, default = field.name, field.default
        arguments = [name, default, texts[name]]
        define_flag = flags.DEFINE_string
        if name in CHOICES:
            arguments.insert(2, CHOICES[name])
            define_flag = flags.DEFINE_enum
        elif isinstance(default, bool):
            define_flag = flags.DEFINE_bool
        elif isinstance(default, int):
            define_flag = flags.DEFINE_integer
        elif isinstance(default, float):
            define_flag = flags.DEFINE_float
        define_flag(*arguments)
        flags.FLAGS.register_key_flag_for_module(module_name, flags.FLAGS[name])


def values(config_class: type[Config]) -> dict[str, Any]:
    """Returns field to value as the flags ask for it, not validated."""
    return {
        field.name: flags.FLAGS[field.name].value
        for field in dataclasses.fields(config_class)
    }


def read(config_class: type[ConfigType]) -> ConfigType:
    """Returns the configuration that the flags ask for.

    Raises:
        ConfigError: a value is out of range or in conflict with another.
    """
    return config_class(**values(config_class))
