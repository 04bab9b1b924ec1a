"""Settings, and the frozen, validated dataclasses that hold them."""

from __future__ import annotations

import dataclasses
import json
import math
import numbers
from collections.abc import Sequence
from typing import Any, Protocol, Self, TypeVar

from maenas_tf.config.renewed import renewed

_METADATA = "setting"


class ConfigError(ValueError):
    """A setting is wrong; the message names it, its value and the remedy.

    Args:
        message: one sentence. It stays in one line, whatever lines the names
            and values have that it quotes.
    """

    def __init__(self, message: str):
        super().__init__(" ".join(message.splitlines()))


def check(condition: bool, name: str, value: Any, expected: str) -> None:
    """Raises `ConfigError` about the setting `name` unless `condition`."""
    if not condition:
        raise ConfigError(f"--{name}={value!s} is not valid: {expected}")


class Names(Protocol):
    """What lists names, as a registry does."""

    def names(self) -> list[str]:
        """Returns them in order."""


@dataclasses.dataclass(frozen=True)
class Range:
    """Where a number must lie.

    Attributes:
        expected: the remedy, for messages.
        least: it must not be below.
        most: it must not be above.
        above: it must be above.
        below: it must be below.
    """

    expected: str
    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    def holds(self, value: float) -> bool:
        """Whether a finite number lies there."""
        inside = self.least <= value <= self.most
        return inside and self.above < value < self.below


AT_LEAST_ONE = Range("give a whole number of at least 1.", least=1)
ZERO_IS_DEFAULT = Range(
    "give a positive whole number, or 0 for the default.", least=0
)
POSITIVE = Range("give a positive number.", above=0)
NOT_NEGATIVE = Range("give a number of at least 0.", least=0)
FRACTION = Range("give a number in [0, 1).", least=0, below=1)


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is known of a setting besides its name.

    Attributes:
        default: its value where none is given; tells its type.
        help: one or more sentences for --help.
        range: where a number must lie.
        choices: its values, where it has a fixed few.
        registry: lists its values, where whoever registers adds one.
        before: what held, without saying, before there was the setting, where
            that is not the default.
        of_place: whether it tells where a run is computed, so that a run may
            go on with another value.
    """

    default: Any
    help: str
    range: Range | None = None
    choices: tuple[str, ...] = ()
    registry: Names | None = None
    before: Any = None
    of_place: bool = False

    @property
    def unsaid(self) -> Any:
        """The value in a text that is older than the setting."""
        return self.default if self.before is None else self.before

    @property
    def description(self) -> str:
        """The help, with the names that are registered now."""
        if self.registry is None:
            return self.help
        return f"{self.help} One of {', '.join(self.registry.names())}."

    def read(self, name: str, value: Any) -> Any:
        """Returns a value as the plain Python type that the default has.

        Args:
            name: of the setting, for messages.
            value: a whole number will do for a fraction, a truth value for
                no number.

        Raises:
            ConfigError: it is of another kind, out of range or no choice.
        """
        kind = type(self.default)
        accepted, expected = {
            bool: (bool, "True or False"),
            int: (numbers.Integral, "a whole number"),
            float: (numbers.Real, "a finite number"),
            str: (str, "a text"),
        }[kind]
        fits = isinstance(value, accepted)
        if fits and kind in (int, float):
            fits = not isinstance(value, bool) and abs(value) < math.inf
        check(fits, name, value, f"give {expected}.")
        value = kind(value)
        if self.choices:
            expected = f"choose one of {', '.join(self.choices)}."
            check(value in self.choices, name, value, expected)
        if self.range is not None:
            check(self.range.holds(value), name, value, self.range.expected)
        return value


def setting(
    default: Any,
    help: str,
    range: Range | None = None,
    *,
    choices: Sequence[str] = (),
    registry: Names | None = None,
    before: Any = None,
    of_place: bool = False,
) -> Any:
    """Declares a field of a `Config`; the arguments are those of `Setting`.

    Examples:
        >>> @dataclasses.dataclass(frozen=True)
        ... class BatchConfig(Config):
        ...     batch_size: int = setting(64, "images.", AT_LEAST_ONE)
    """
    declared = Setting(
        default, help, range, tuple(choices), registry, before, of_place
    )
    return dataclasses.field(default=default, metadata={_METADATA: declared})


ConfigType = TypeVar("ConfigType", bound="Config")


@dataclasses.dataclass(frozen=True)
class Config:
    """A frozen dataclass, validated when it is made, that JSON can hold.

    Every field of a subclass is declared by `setting`. A configuration is
    composed of groups, which are configurations too, by inheritance: its
    settings stay flat.
    """

    def __post_init__(self):
        for name, declared in self.settings().items():
            value = declared.read(name, getattr(self, name))
            object.__setattr__(self, name, value)
        self.validate()

    def validate(self) -> None:
        """Raises ConfigError about a conflict of settings.

        A group that has conflicts of its own goes on with those of the next:
        `super().validate()`.
        """

    @classmethod
    def settings(cls) -> dict[str, Setting]:
        """Returns the name of every setting with what is known of it.

        Raises:
            TypeError: a field is declared otherwise than by `setting`.
        """
        found = {}
        for field in dataclasses.fields(cls):
            if _METADATA not in field.metadata:
                raise TypeError(
                    f"{cls.__name__}.{field.name} has no help; declare it by "
                    f"setting(default, help)."
                )
            found[field.name] = field.metadata[_METADATA]
        return found

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Returns the name of every setting with its default."""
        return {name: s.default for name, s in cls.settings().items()}

    @classmethod
    def unsaid(cls) -> dict[str, Any]:
        """Returns every setting's value in a text that is older than it."""
        return {name: s.unsaid for name, s in cls.settings().items()}

    def group(self, group_class: type[ConfigType]) -> ConfigType:
        """Returns those of the settings that a group has, as that group."""
        names = group_class.settings()
        return group_class(**{name: getattr(self, name) for name in names})

    def to_dict(self) -> dict[str, Any]:
        """Returns the name of every setting with its value."""
        return dict(vars(self))

    def to_json(self) -> str:
        """Returns the configuration as JSON text, one setting a line."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads `to_json`'s text, of this version or an older one.

        A setting that is not in it is younger than the text and takes its
        default, or what held before there was the setting.

        Raises:
            ConfigError: it is no JSON object, a setting is unknown, or a
                value is wrong.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise ConfigError(
                f"The configuration is no JSON: {error}."
            ) from error
        if not isinstance(values, dict):
            raise ConfigError(
                f"The configuration must be a JSON object with a field for "
                f"each setting, not {type(values).__name__}."
            )
        values = renewed(values)
        unknown = sorted(set(values) - set(cls.settings()))
        if unknown:
            more = ", ..." if unknown[5:] else ""
            raise ConfigError(
                f"It is no {cls.__name__} of this version, which does not "
                f"know the setting(s) {', '.join(unknown[:5])}{more}."
            )
        return cls(**{**cls.unsaid(), **values})

    def as_begun(self, text: str) -> Self:
        """Returns the configuration with which an older run can go on.

        Args:
            text: `to_json`'s of the run. A setting that it does not know and
                that is at its default here becomes what held before there
                was the setting.
        """
        known = json.loads(text)
        unsaid = {
            name: declared.unsaid
            for name, declared in self.settings().items()
            if name not in known and getattr(self, name) == declared.default
        }
        return self.replace(**unsaid)

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with some settings changed, validated anew."""
        return type(self)(**{**self.to_dict(), **changes})

    def differences(self, other: Config) -> list[str]:
        """Returns the names of the settings in which the two differ."""
        there = other.to_dict()
        return [
            name
            for name, value in self.to_dict().items()
            if value != there.get(name)
        ]
