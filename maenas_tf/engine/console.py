"""The progress bar, and lines in its place where there is no terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Self, TextIO, TypeVar

from rich import progress
from rich.console import Console
from rich.control import Control
from rich.segment import ControlType

from maenas_tf.config.printable import printable

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 30.0
SECONDS_BETWEEN_DRAWINGS = 0.5
# Of a loop that `track` watches.
SECONDS_BEFORE_BAR = 1.0
# Of the pace that the time left is told by.
_PACE_SECONDS = 300.0
# The innermost is the last.
_open_bars: list[ProgressBar] = []


class ProgressBar:
    """A progress bar on stderr, of one line, for a `with` block.

    In a file or a pipe it writes a line now and then instead of redrawing.

    Args:
        total: steps of the whole run.
        initial: steps done already.
        unit: what is counted.
    """

    def __init__(self, total: int, initial: int = 0, unit: str = "step"):
        self.unit = unit
        self._stream = sys.stderr
        self._console = Console(file=self._stream)
        self._draws = (
            self._stream.isatty() and not self._console.is_dumb_terminal
        )
        self._progress = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.TaskProgressColumn(),
            progress.BarColumn(bar_width=None),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[left]}"),
            progress.TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
            # Drawn at our calls alone: no thread draws into what is said.
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            speed_estimate_period=_PACE_SECONDS,
            expand=True,
            disable=not self._draws,
        )
        task = self._progress.add_task(
            "", total=total, completed=initial, note="", left=""
        )
        self._task = self._progress.tasks[task]
        self._last_line, self._shown_at = "", 0.0
        self._expected: tuple[float, float] | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        _open_bars.append(self)
        self._show()
        return self

    def __exit__(self, *exception: object) -> None:
        self._show()
        _open_bars.remove(self)
        self._progress.stop()

    def describe(self, text: str) -> None:
        """Says what is done; shown with the next drawing."""
        self._task.description = printable(text)

    def annotate(self, text: str) -> None:
        """Says how it goes; shown with the next drawing."""
        self._task.fields["note"] = printable(text)

    def expect(self, seconds: float | None) -> None:
        """Says how long it will still take; shown with the next drawing.

        Args:
            seconds: from now; None has it told by the pace of the updates,
                as before any such call.
        """
        self._expected = None
        if seconds is not None:
            self._expected = seconds, time.monotonic()

    def update(self, count: int = 1) -> None:
        """Counts so many steps more."""
        self._progress.advance(self._task.id, count)
        seconds = (
            SECONDS_BETWEEN_DRAWINGS if self._draws else SECONDS_BETWEEN_LINES
        )
        if time.monotonic() - self._shown_at >= seconds:
            self._show()

    def erase(self) -> None:
        """Takes the bar off the terminal, until it is drawn again."""
        if self._draws:
            self._console.control(
                Control(ControlType.CARRIAGE_RETURN),
                Control((ControlType.ERASE_IN_LINE, 2)),
            )

    def draw(self) -> None:
        """Draws the bar, where there is a terminal."""
        if self._draws:
            self._task.fields["left"] = clock(self._left())
            self._progress.refresh()

    def _show(self) -> None:
        self._shown_at = time.monotonic()
        self.draw()
        if not self._draws and self._line() != self._last_line:
            self._last_line = self._line()
            print(self._last_line, file=self._stream, flush=True)

    def _left(self) -> float | None:
        if self._expected is None or self._task.finished:
            return self._task.time_remaining
        seconds, told_at = self._expected
        return max(seconds - (time.monotonic() - told_at), 0.0)

    def _line(self) -> str:
        task = self._task
        start = f"{task.description}: " if task.description else ""
        note = task.fields["note"]
        return (
            f"{start}{self.unit} {task.completed:.0f} of {task.total:.0f}, "
            f"{clock(self._left())} left{note and f', {note}'}"
        )


def track(
    items: Iterable[Item], total: int, what: str, unit: str
) -> Iterator[Item]:
    """Yields the items of a loop; shows a bar if that takes a while.

    Args:
        items: of the loop.
        total: how many there will be.
        what: is done in the loop.
        unit: what one item is.
    """
    began = time.monotonic()
    with contextlib.ExitStack() as shown:
        bar = None
        for count, item in enumerate(items):
            if bar is not None:
                bar.update()
            elif time.monotonic() - began >= SECONDS_BEFORE_BAR:
                bar = ProgressBar(total, count, unit)
                bar.describe(what)
                shown.enter_context(bar)
            yield item
        if bar is not None:
            bar.update()


def clock(seconds: float | None) -> str:
    """Returns a length of time as 01:30 or 1:01:30, "?" if not known."""
    if seconds is None:
        return "?"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes:02d}:{seconds:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def say(text: str, stream: TextIO | None = None) -> None:
    """Prints lines without breaking a bar on the terminal.

    Args:
        text: the lines.
        stream: to print to; None is stdout.
    """
    for bar in _open_bars[-1:]:
        bar.erase()
    print(printable(text), file=stream, flush=bool(_open_bars))
    for bar in _open_bars[-1:]:
        bar.draw()


def as_sentence(error: Exception) -> str:
    """Returns what a user is told of an error, of a file above all."""
    if not isinstance(error, OSError):
        return str(error)
    # As where the disk is full.
    return (
        f"{error.filename or 'A file'} cannot be read or written "
        f"({error.strerror or error}): make room or give the right to, then "
        f"give the same command again; what was finished before is kept."
    )


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Hides what this process and its children write to stderr.

    TensorFlow 2.21 logs while it loads, whatever TF_CPP_MIN_LOG_LEVEL says.
    """
    sys.stderr.flush()
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
