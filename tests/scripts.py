"""Scripts that tests run in a process of its own.

The CPU can be divided into logical devices only before TensorFlow starts.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
from types import ModuleType

ROOT = pathlib.Path(__file__).resolve().parents[1]


def run(module: ModuleType, *arguments: object) -> str:
    """Runs a module to its end, which has to be a good one.

    Args:
        module: has a main part.
        arguments: of it, as text.

    Returns:
        What it printed.
    """
    done = subprocess.run(
        [sys.executable, "-m", module.__name__, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
