"""What a sweep runs: the cross product of settings and seeds."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from maenas_tf.config import ConfigError, SearchConfig
from maenas_tf.models.decoder import DECODERS
from maenas_tf.search import ALGORITHMS
from maenas_tf.search.choose import choose
from maenas_tf.spaces import SPACES
from maenas_tf.tasks import TASKS

_DEFAULTS = {
    field.name: field.default for field in dataclasses.fields(SearchConfig)
}
_TRUTH = {"true": True, "false": False}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number"}


@dataclasses.dataclass(frozen=True)
class SweepRun:
    """One combination.

    Attributes:
        name: of its directory: the settings that vary, and the seed.
        config: of the search.
    """

    name: str
    config: SearchConfig


def parse_grid(text: str) -> dict[str, tuple[Any, ...]]:
    """Reads "mask_ratio=0.1,0.5;decoder=linear,hierarchical".

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
                f"--grid={text} has the part {part!r}; give "
                f"name=value,value and ; between settings."
            )
        _check_name(name, grid)
        grid[name] = tuple(
            _parse(name, value.strip()) for value in values.split(",")
        )
        _check_distinct(f"--grid={part}", grid[name])
    return grid


def parse_seeds(text: str) -> tuple[int, ...]:
    """Reads "0,1,2".

    Raises:
        ConfigError: it is no list of different whole numbers.
    """
    try:
        seeds = tuple(int(seed) for seed in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"--seeds={text} is not valid: give whole numbers with commas "
            f"between, as 0,1,2."
        ) from error
    _check_distinct(f"--seeds={text}", seeds)
    return seeds


def expand(
    base: Mapping[str, Any],
    grid: Mapping[str, Sequence[Any]],
    seeds: Iterable[int],
) -> list[SweepRun]:
    """Returns every combination, validated, seeds moving fastest.

    Args:
        base: setting to value; those of the grid stand in their place.
        grid: setting to values.
        seeds: of every combination.

    Raises:
        ConfigError: a combination is no valid search; the message names it.
    """
    runs = []
    for *values, seed in itertools.product(*grid.values(), seeds):
        varying = {**dict(zip(grid, values, strict=True)), "seed": seed}
        name = "__".join(f"{k}={_file_part(v)}" for k, v in varying.items())
        try:
            config = SearchConfig(**{**base, **varying})
            _check_registered(config)
        except ConfigError as error:
            raise ConfigError(f"The combination {name}: {error}") from error
        runs.append(SweepRun(name, config))
    return runs


def _check_name(name: str, grid: Mapping[str, Any]) -> None:
    if name == "seed":
        raise ConfigError("--grid names the seed; give --seeds=0,1,2 instead.")
    if name in grid:
        raise ConfigError(f"--grid names {name!r} twice; drop one of the two.")
    if name not in _DEFAULTS:
        near = difflib.get_close_matches(name, _DEFAULTS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(
            f"--grid names {name!r}, which is no setting of a search "
            f"(python -m tools.search --helpshort lists them).{hint}"
        )


def _check_distinct(flag: str, values: Sequence[Any]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(f"{flag} names {value} twice; drop one.")


def _parse(name: str, text: str) -> Any:
    """Returns a value as the type of the setting's default."""
    kind = type(_DEFAULTS[name])
    try:
        if not text:
            raise ValueError("no value")
        return _TRUTH[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"--grid has {name}={text}, which is not valid: give "
            f"{_KINDS.get(kind, 'a value')}."
        ) from error


def _file_part(value: Any) -> str:
    """Returns a value as a readable part of a file name, its own alone."""
    text = str(value)
    safe = re.sub(r"[^\w.+-]|^\.+", "-", text, flags=re.ASCII)
    if safe == text and len(text) <= 40:
        return safe
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    return f"{safe[-33:]}-{digest}"


def _check_registered(config: SearchConfig) -> None:
    """Raises ConfigError about a name that no registry holds."""
    registries = {
        "space": SPACES,
        "task": TASKS,
        "algorithm": ALGORITHMS,
        "decoder": DECODERS,
    }
    for flag, registry in registries.items():
        try:
            registry.get(getattr(config, flag))
        except ValueError as error:
            raise ConfigError(f"--{flag}: {error}") from error
    choose(config, SPACES.get(config.space))
    if config.image_size:
        # What a task asks of the size of the images, labels aside.
        TASKS.get(config.task)(config, config.image_size, 2)
