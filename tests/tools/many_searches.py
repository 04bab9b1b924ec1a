"""Runs `tools.search` once for each list of flags that it reads from stdin.

Each run sees an unused command line and the flags' defaults. Written to
stdout: a list of [exit code, stderr].
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import traceback

from absl import flags
from absl.testing import flagsaver

from tools import runner, search


def run(arguments: list[str]) -> tuple[int, str]:
    """Runs one search; returns its exit code and what it wrote to stderr."""
    flags.FLAGS.unparse_flags()
    sys.argv = ["search", *arguments]
    error = io.StringIO()
    with flagsaver.flagsaver(), contextlib.redirect_stderr(error):
        try:
            runner.run(search.main)
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        except Exception:  # as Python itself ends a process
            traceback.print_exc()
            code = 1
    return code, error.getvalue()


if __name__ == "__main__":
    commands = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        results = [run(arguments) for arguments in commands]
    json.dump(results, sys.stdout)
