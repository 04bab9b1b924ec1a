"""Settings with several values each, read from one flag."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from maenas_tf.config.base import ConfigError

_TRUTH = {"true": True, "false": False}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number"}


def parse_grid(
    text: str,
    defaults: Mapping[str, Any],
    flag: str = "grid",
    tool: str = "tools.search",
) -> dict[str, tuple[Any, ...]]:
    """Reads "mask_ratio=0.1,0.5;decoder=linear,hierarchical".

    Args:
        text: settings and their values.
        defaults: name of each setting that there is to its default, whose
            type its values have.
        flag: that it is of, for messages.
        tool: whose settings they are, for messages.

    Returns:
        Setting to its values, of the setting's type; empty for no text.

    Raises:
        ConfigError: a setting is unknown or named twice, or a value is
            missing, given twice or of another type.
    """
    grid: dict[str, tuple[Any, ...]] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, values = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise ConfigError(
                f"--{flag}={text} has the part {part!r}; give "
                f"name=value,value and ; between settings."
            )
        _check_name(name, flag, tool, grid, defaults)
        kind = type(defaults[name])
        grid[name] = tuple(
            _parse(flag, name, value.strip(), kind)
            for value in values.split(",")
        )
        check_distinct(f"--{flag}={part}", grid[name])
    return grid


def check_distinct(flag: str, values: Sequence[Any]) -> None:
    """Raises ConfigError if a value occurs twice."""
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(f"{flag} names {value} twice; drop one.")


def _check_name(
    name: str,
    flag: str,
    tool: str,
    grid: Mapping[str, Any],
    defaults: Mapping[str, Any],
) -> None:
    if name.rpartition(".")[-1] == "seed" and flag == "grid":
        raise ConfigError("--grid names the seed; give --seeds=0,1,2 instead.")
    if name in grid:
        raise ConfigError(
            f"--{flag} names {name!r} twice; drop one of the two."
        )
    if name not in defaults:
        near = difflib.get_close_matches(name, defaults, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(
            f"--{flag} names {name!r}, which is no setting of {tool} "
            f"(python -m {tool} --helpshort lists them).{hint}"
        )


def _parse(flag: str, name: str, text: str, kind: type) -> Any:
    """Returns a value as the type of the setting's default."""
    try:
        if not text:
            raise ValueError("no value")
        return _TRUTH[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"--{flag} has {name}={text}, which is not valid: give "
            f"{_KINDS.get(kind, 'a value')}."
        ) from error
