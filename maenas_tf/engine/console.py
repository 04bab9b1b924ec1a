"""The progress bar, and lines in its place where there is no terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

import tqdm

SECONDS_BETWEEN_LINES = 30.0


class _Lines:
    """A stream that makes each redrawing of a bar a line of its own."""

    def __init__(self, stream: TextIO):
        self.stream = stream
        self.last = ""

    def write(self, text: str) -> None:
        text = text.strip()
        if text and text != self.last:
            self.stream.write(f"{text}\n")
            self.last = text

    def flush(self) -> None:
        self.stream.flush()


def progress_bar(total: int, initial: int = 0, unit: str = "step") -> tqdm.tqdm:
    """Makes a progress bar, of a run by default, on stderr.

    In a file or a pipe it writes a line now and then instead of redrawing.

    Args:
        total: steps of the whole run.
        initial: steps done already.
        unit: what is counted.
    """
    options = {"total": total, "initial": initial, "unit": unit}
    if sys.stderr.isatty():
        return tqdm.tqdm(
            **options, mininterval=0.5, dynamic_ncols=True, smoothing=0.05
        )
    return tqdm.tqdm(
        **options,
        mininterval=SECONDS_BETWEEN_LINES,
        maxinterval=SECONDS_BETWEEN_LINES,
        smoothing=0.05,
        file=_Lines(sys.stderr),
        bar_format=f"{{desc}}{unit} {{n_fmt}} of {{total_fmt}}, "
        "{remaining} left{postfix}",
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


def say(text: str) -> None:
    """Prints lines to stdout without breaking a bar on the terminal."""
    tqdm.tqdm.write(text)
