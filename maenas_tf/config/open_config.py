"""Configurations with the settings of whatever is registered."""

from __future__ import annotations

import dataclasses
import difflib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from maenas_tf.config.base import Config, ConfigError, Setting


@dataclasses.dataclass(frozen=True, init=False, eq=False, repr=False)
class OpenConfig(Config):
    """A configuration that has, besides its own, the settings of tasks etc.

    What is registered declares its settings itself, as a group of its own
    (`Task.settings`, `Algorithm.settings`); here they are found, those of a
    name that a test has registered a moment ago too. They are flat keyword
    arguments and attributes like all others; `group` hands them out.

    A subclass is a dataclass with the arguments that this one has, as these
    settings are no fields.

    Args:
        **given: setting to value; the others take their defaults.
    """

    def __init__(self, **given: Any):
        known = self.settings()
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"Did you mean {near[0]!r}? " if near else ""
                raise ConfigError(
                    f"Unknown setting {name!r}. {hint}Known are "
                    f"{', '.join(known)}."
                )
        for name, declared in known.items():
            value = given.get(name, declared.default)
            object.__setattr__(self, name, value)
        self.__post_init__()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).items()))

    def __repr__(self) -> str:
        values = (f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({', '.join(values)})"

    @classmethod
    def registered(cls) -> dict[str, Mapping[str, type[Config]]]:
        """Returns what is registered, by the setting that chooses among it.

        Each name with the group of settings that it declares.
        """
        return {}

    @classmethod
    def settings(cls) -> dict[str, Setting]:
        """Returns the settings, in an order that reports can show.

        First those that choose among what is registered, then those of what
        is registered, the most particular ones first, then all others.
        """
        own = super().settings()
        found = {n: s for n, s in own.items() if s.registry is not None}
        by_owners = sorted(cls._owners().items(), key=lambda x: len(x[1]))
        for name, owners in by_owners:
            if name in own:
                raise ValueError(
                    f"The setting {name!r} is declared by "
                    f"{', '.join(owners)}, but each {cls.__name__} has one of "
                    f"that name already; choose another name."
                )
            found[name] = _merged(name, owners)
        return {**found, **own}

    @classmethod
    def _owners(cls) -> dict[str, dict[str, Setting]]:
        """Returns a setting's name, who declares it, and as what."""
        owners: dict[str, dict[str, Setting]] = {}
        for groups in cls.registered().values():
            for owner, group in groups.items():
                for name, declared in group.settings().items():
                    owners.setdefault(name, {})[owner] = declared
        return owners

    def unread(self) -> Iterator[tuple[str, str]]:
        """Lists the settings, not at their default, that nobody chosen reads.

        They are no error: a recipe made for one task can be run with another.

        Yields:
            The setting that chooses, as "task", and the one that what it has
            chosen does not read.
        """
        values, defaults = self.to_dict(), self.defaults()
        for chooser, groups in self.registered().items():
            chosen = groups[values[chooser]].settings()
            others = [group.settings() for group in groups.values()]
            for name in dict.fromkeys(itertools.chain(*others)):
                if name not in chosen and values[name] != defaults[name]:
                    yield chooser, name


def _merged(name: str, owners: Mapping[str, Setting]) -> Setting:
    """Returns one setting for all that declare it.

    Raises:
        ValueError: they do not agree in its default or range.
    """
    first = next(iter(owners.values()))
    texts: dict[str, list[str]] = {}
    for owner, declared in owners.items():
        if (declared.default, declared.range) != (first.default, first.range):
            raise ValueError(
                f"The setting {name!r} has another default or range in "
                f"{owner} than in {next(iter(owners))}; let them agree, or "
                f"choose another name."
            )
        texts.setdefault(declared.help.rstrip("."), []).append(owner)
    sentences = (f"{text}; {', '.join(who)}." for text, who in texts.items())
    choices = [c for declared in owners.values() for c in declared.choices]
    return dataclasses.replace(
        first,
        help=" ".join(sentences),
        choices=tuple(dict.fromkeys(choices)),
    )
