"""Attributes whose reading is noted.

A trace of a step that has not read the seed is that of any seed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

_watchers: list[list[str]] = []


class Noted:
    """Has some attributes that tell `noting` when they are read.

    Attributes:
        noted: their names.
    """

    noted: tuple[str, ...] = ()

    def __getattribute__(self, name: str) -> Any:
        if _watchers and name in type(self).noted:
            for read in _watchers:
                read.append(name)
        return super().__getattribute__(name)


@contextlib.contextmanager
def noting() -> Iterator[list[str]]:
    """Yields a list that takes the names read in a `with` block."""
    read: list[str] = []
    _watchers.append(read)
    try:
        yield read
    finally:
        _watchers.pop()
