"""What SIGINT and SIGTERM do to a tool."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import NoReturn

_STOPPING = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """The run was asked to stop and has written a checkpoint."""


class WorkerLost(Exception):
    """Another worker has ended, and this one cannot go on without it."""


class SignalWatch:
    """Turns SIGINT and SIGTERM into a flag that the loop looks at."""

    def __init__(self):
        self.received: str | None = None

    @contextlib.contextmanager
    def installed(self) -> Iterator[SignalWatch]:
        """Catches the signals for the length of a `with` block."""

        def note(number, frame):
            self.received = signal.Signals(number).name

        with _handled_by(note):
            yield self


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raises KeyboardInterrupt at a signal, for the length of a `with` block.

    It ends whatever is done at once, as nothing has to be saved: what is to
    be lets a `SignalWatch` catch the signals. A second signal ends the
    process.
    """

    def stop(number: int, frame: object) -> NoReturn:
        del frame
        for each in _STOPPING:
            signal.signal(each, signal.SIG_DFL)
        raise KeyboardInterrupt(signal.Signals(number).name)

    with _handled_by(stop):
        yield


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, object], None]) -> Iterator[None]:
    old = {number: signal.signal(number, handler) for number in _STOPPING}
    try:
        yield
    finally:
        for number, before in old.items():
            # A second signal may have to end the process still.
            if signal.getsignal(number) is handler:
                signal.signal(number, before)
