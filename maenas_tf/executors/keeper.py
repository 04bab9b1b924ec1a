"""Runs a command, and ends all that it has started when it is left alone.

    python keeper.py COMMAND [ARGUMENT ...]

It is a program of its own, run by its path, that needs nothing besides Python.
Who starts it asks the system for `LEFT_ALONE` at its own death, and may send it
to end the command at once. The keeper becomes the parent of whatever outlives
its parents below it, sessions of their own included (a stage of a pipeline has
one). Other signals that ask to stop are passed on to the command alone.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

LEFT_ALONE = signal.SIGUSR1
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def signalled_at_death(number: int) -> Callable[[], None]:
    """Returns what has a child get a signal when its parent's thread ends.

    Args:
        number: of the signal.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, number)


def main(command: Sequence[str]) -> int:
    """Runs a command; returns its exit code, negative for a signal."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    received: list[int] = []
    processes: list[subprocess.Popen] = []

    def pass_on(number: int, frame: object) -> None:
        del frame
        number = signal.SIGKILL if number == LEFT_ALONE else number
        received.append(number)
        for process in processes:
            process.send_signal(number)

    for number in (LEFT_ALONE, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, pass_on)
    processes.append(
        subprocess.Popen(command, preexec_fn=signalled_at_death(signal.SIGKILL))
    )
    for number in received:
        processes[0].send_signal(number)
    code = processes[0].wait()
    _end_children()
    return code


def _end_children() -> None:
    """Ends all that is left; children of what ends become our own."""
    while True:
        for pid in _children():
            os.kill(pid, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def _children() -> list[int]:
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = path.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue  # It has ended.
        if int(parent) == os.getpid():
            found.append(int(path.parent.name))
    return found


if __name__ == "__main__":
    ended = main(sys.argv[1:])
    if ended < 0:
        if -ended != signal.SIGKILL:
            signal.signal(-ended, signal.SIG_DFL)
        os.kill(os.getpid(), -ended)
    sys.exit(ended)
