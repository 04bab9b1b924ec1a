"""What was found out about images at some cost, and need not be again.

Rooms above keep it with a run, so that it goes on within seconds; here nothing
is known of runs.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import numpy as np

Arrays = dict[str, np.ndarray]

_KEY = "key"


class Notes:
    """Arrays that were found, by what they are about.

    Args:
        arrays: what `arrays` held before.

    Attributes:
        arrays: by "name/field".
        changed: whether there are others than those given.
    """

    def __init__(self, arrays: Arrays | None = None):
        self.arrays = dict(arrays or {})
        self.changed = False

    def recall(self, name: str, key: str, find: Callable[[], Arrays]) -> Arrays:
        """Returns what is noted, or finds and notes it.

        Args:
            name: of what is found.
            key: of the images that it is found of: a note with another one
                is of no use.
            find: finds it.
        """
        start = f"{name}/"
        noted = {
            field.removeprefix(start): array
            for field, array in self.arrays.items()
            if field.startswith(start)
        }
        if str(noted.pop(_KEY, "")) == key:
            return noted
        found = find()
        self.changed = True
        for field in (*noted, _KEY):
            self.arrays.pop(start + field, None)
        self.arrays[start + _KEY] = np.array(key)
        self.arrays |= {start + field: made for field, made in found.items()}
        return found


_notes: contextvars.ContextVar[Notes | None] = contextvars.ContextVar(
    "notes", default=None
)


def recall(name: str, key: str, find: Callable[[], Arrays]) -> Arrays:
    """Returns what is noted, if anything is; else as `Notes.recall`."""
    notes = _notes.get()
    return find() if notes is None else notes.recall(name, key, find)


@contextlib.contextmanager
def noted_in(notes: Notes) -> Iterator[None]:
    """Has notes used in a `with` block; else nothing is noted."""
    token = _notes.set(notes)
    try:
        yield
    finally:
        _notes.reset(token)
