"""Reads commands with the flags of a tool, without running it.

Arguments: the tool. Read from stdin: a list of lists of arguments. Written to
stdout: for each what is wrong with it, "" where nothing is.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Sequence

from absl import flags

from flags.flag_order import check_order

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What makes a configuration of the flags, which finds conflicts.
_CONFIGS = {
    "benchmark": "benchmark_config",
    "correlate": "correlate_config",
    "pretrain": "pretrain_config",
    "search": "search_config",
    "train": "train_config",
    "train_detector": "detect_config",
}


def read(tool: str, commands: Sequence[Sequence[str]]) -> list[str]:
    """Reads commands in a new process: two tools may share a flag's name."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.docs.read_commands", tool],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def _problem(
    arguments: list[str],
    make_config: Callable[[], object],
    define: Callable[[list[str]], object],
) -> str:
    flags.FLAGS.unparse_flags()
    define(["tool", *arguments])
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    try:
        rest = flags.FLAGS(["tool", *arguments])
        check_order(arguments)
        make_config()
    except (flags.Error, OSError, ValueError) as error:
        return str(error)
    return f"{rest[1]!r} is no flag" if len(rest) > 1 else ""


def main() -> None:
    """Answers for the tool that is named by the first argument."""
    tool = sys.argv[1]
    importlib.import_module(f"tools.{tool}")
    make_config, define = int, list
    if tool == "sweep":
        # Those of the tool whose runs it makes.
        module = importlib.import_module("flags.sweep_flags")
        define = module.define_settings
    if tool in _CONFIGS:
        module = importlib.import_module(f"flags.{tool}_flags")
        make_config = getattr(module, _CONFIGS[tool])
    commands = json.load(sys.stdin)
    problems = [
        _problem(arguments, make_config, define) for arguments in commands
    ]
    json.dump(problems, sys.stdout)


if __name__ == "__main__":
    main()
