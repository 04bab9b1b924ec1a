"""How a sweep shows where it stands: a live table, or lines in a pipe."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from maenas_tf.sweeps import sweep_state
from maenas_tf.sweeps.sweep_state import RunState

SECONDS_BETWEEN_LINES = 60.0
_STYLES = {
    sweep_state.RUNNING: "bold cyan",
    sweep_state.FAILED: "bold red",
    sweep_state.INTERRUPTED: "yellow",
    sweep_state.QUEUED: "cyan",
    sweep_state.WAITING: "dim",
    sweep_state.DONE: "green",
}
# Lines of the terminal around the rows of the table.
_LINES_AROUND = 8
# Of a note in the table; the whole of it is an event, and said at the end.
_LONGEST_NOTE = 100


class LineDisplay:
    """Prints a line for each event, and one now and then about all."""

    def __init__(self):
        self._said_at = time.monotonic()

    def event(self, text: str) -> None:
        """Tells that something happened."""
        print(text, flush=True)

    def refresh(self, states: Sequence[RunState], num_jobs: int) -> None:
        """Shows where all runs stand."""
        if time.monotonic() - self._said_at >= SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            print(totals(states, num_jobs), flush=True)

    def close(self) -> None:
        """Leaves the terminal as it is to be."""


class TableDisplay(LineDisplay):
    """Draws a table anew in place; events scroll above it.

    Args:
        console: where to; stdout by default.
    """

    def __init__(self, console: Console | None = None):
        super().__init__()
        self.console = console or Console()
        self._live = Live(console=self.console, auto_refresh=False)
        self._live.start()

    def event(self, text: str) -> None:
        self.console.print(Text(text))

    def refresh(self, states: Sequence[RunState], num_jobs: int) -> None:
        height = max(3, self.console.height - _LINES_AROUND)
        self._live.update(make_table(states, num_jobs, height), refresh=True)

    def close(self) -> None:
        self._live.stop()


def open_display() -> LineDisplay:
    """Returns the display that fits stdout."""
    return TableDisplay() if sys.stdout.isatty() else LineDisplay()


def totals(states: Sequence[RunState], num_jobs: int) -> str:
    """Returns one line about all runs."""
    counts = sweep_state.count(states)
    parts = [
        f"{counts[name]} {name}"
        for name in (
            sweep_state.DONE,
            sweep_state.RUNNING,
            sweep_state.FAILED,
            sweep_state.INTERRUPTED,
            sweep_state.QUEUED,
            sweep_state.WAITING,
        )
        if counts[name]
    ]
    running = [
        f"{state.run.name}: epoch {state.epoch} of {state.epochs}"
        for state in states
        if state.state == sweep_state.RUNNING
    ]
    line = f"{len(states)} runs: {', '.join(parts)}"
    if any(counts[name] for name in sweep_state.UNFINISHED):
        left = sweep_state.seconds_left(states, num_jobs)
        line += f"; {sweep_state.duration(left)} left"
    return f"{line} ({'; '.join(running)})" if running else line


def make_table(
    states: Sequence[RunState], num_jobs: int, num_rows: int
) -> Table:
    """Returns the table: running and failed runs first, then the others.

    Args:
        states: of all runs.
        num_jobs: how many run at once, for the time left.
        num_rows: so many runs at most; the others are counted.
    """
    table = Table(
        title=totals(states, num_jobs).partition(" (")[0], title_justify="left"
    )
    # The only one that may wrap.
    table.add_column("run", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("epoch", justify="right", no_wrap=True)
    table.add_column("left", justify="right", no_wrap=True)
    order = sorted(states, key=lambda s: sweep_state.STATES.index(s.state))
    for state in order[:num_rows]:
        running = state.state == sweep_state.RUNNING
        left = sweep_state.duration(state.seconds_left) if running else ""
        note = textwrap.shorten(state.note, _LONGEST_NOTE, placeholder="...")
        table.add_row(
            Text(f"{state.run.name}\n  {note}" if note else state.run.name),
            Text(state.state, _STYLES[state.state]),
            f"{state.epoch}/{state.epochs}",
            left,
        )
    if len(order) > num_rows:
        table.add_row(f"... and {len(order) - num_rows} more")
    return table
