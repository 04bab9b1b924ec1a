"""How long loops over images show how far they are.

Rooms above say where that is shown; here nothing is known of terminals.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
# As `track`.
Tracker = Callable[[Iterable[Item], int, str, str], Iterator[Item]]

_tracker: contextvars.ContextVar[Tracker | None] = contextvars.ContextVar(
    "tracker", default=None
)


def track(
    items: Iterable[Item], total: int, what: str, unit: str
) -> Iterator[Item]:
    """Yields the items of a loop and shows how many of them have been.

    Args:
        items: of the loop.
        total: how many there will be.
        what: is done in the loop.
        unit: what one item is.
    """
    tracker = _tracker.get()
    return iter(items) if tracker is None else tracker(items, total, what, unit)


@contextlib.contextmanager
def tracked_by(tracker: Tracker) -> Iterator[None]:
    """Has the loops of a `with` block shown; else nothing is.

    Args:
        tracker: takes what `track` does.
    """
    token = _tracker.set(tracker)
    try:
        yield
    finally:
        _tracker.reset(token)
