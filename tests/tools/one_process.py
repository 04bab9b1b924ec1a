"""Runs a tool many times in one process: starting TensorFlow takes seconds.

Read from stdin: {"tool": name, "cases": [[statement, flags], ...]}, where the
statement is executed before the run. Written to stdout: for each case a list
of exit code, stdout and stderr.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence

from absl import flags
from absl.testing import flagsaver

ROOT = pathlib.Path(__file__).resolve().parents[2]


class _Text(io.StringIO):
    """Text in memory that takes the settings of a real stdout."""

    def reconfigure(self, **settings: object) -> None:
        del settings


def run(
    tool: str, cases: Sequence[tuple[str, list[str]]]
) -> list[tuple[int, str, str]]:
    """Runs a tool in a new process, once for each case.

    Args:
        tool: module of tools/.
        cases: a statement of Python, or "", and the flags.

    Returns:
        Exit code, stdout and stderr of each.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.tools.one_process"],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        input=json.dumps({"tool": tool, "cases": cases}),
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [tuple(result) for result in json.loads(done.stdout)]


def _run_case(
    tool: str, statement: str, arguments: list[str]
) -> tuple[int, str, str]:
    from tools import command_line, runner

    module = importlib.import_module(f"tools.{tool}")
    flags.FLAGS.unparse_flags()
    sys.argv = [tool, *arguments]
    out, err = _Text(), _Text()
    with (
        flagsaver.flagsaver(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        exec(statement, {})
        try:
            # A tool may read its flags in a way of its own.
            parse = getattr(module, "parse", command_line.parse)
            runner.run(module.main, parse)
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
    return code, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    results = [_run_case(asked["tool"], *case) for case in asked["cases"]]
    json.dump(results, sys.stdout)
