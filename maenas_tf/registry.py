"""Small, loud registries: names to classes or objects."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from maenas_tf.config import ConfigError

T = TypeVar("T")


class Registry(Generic[T]):
    """Maps names to registered objects of one kind.

    A name can be taken once; a look-up of an unknown name lists the known
    ones, so that a misspelt flag explains itself.

    Args:
        kind: what is registered, in the singular, for messages ("task").

    Examples:
        >>> tasks = Registry("task")
        >>> @tasks.register("mae")
        ... class MaskedAutoencoder: ...
        >>> tasks.get("mae") is MaskedAutoencoder
        True
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Returns a decorator that registers its argument under `name`.

        Raises:
            ValueError: the name is taken.
        """

        def decorator(entry: T) -> T:
            if name in self._entries:
                raise ValueError(
                    f"The {self.kind} name {name!r} is registered already; "
                    f"choose another name."
                )
            self._entries[name] = entry
            return entry

        return decorator

    def get(self, name: str) -> T:
        """Returns what is registered under `name`.

        Raises:
            ValueError: nothing is; the message lists the known names.
        """
        if name not in self._entries:
            near = difflib.get_close_matches(str(name), self._entries, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"Unknown {self.kind} {name!r}; known are "
                f"{', '.join(self.names())}.{hint}"
            )
        return self._entries[name]

    def get_for_flag(self, flag: str, name: str) -> T:
        """Returns what is registered under a flag's value.

        Raises:
            ConfigError: nothing is; the message names the flag.
        """
        try:
            return self.get(name)
        except ValueError as error:
            raise ConfigError(f"--{flag}: {error}") from error

    def names(self) -> list[str]:
        """Returns the registered names in the order of registration."""
        return list(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    @contextlib.contextmanager
    def temporary(self, name: str, entry: T) -> Iterator[T]:
        """Registers `entry` for the length of a `with` block (for tests)."""
        self.register(name)(entry)
        try:
            yield entry
        finally:
            del self._entries[name]
