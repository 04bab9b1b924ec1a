r"""Runs every combination of settings and seeds, resumably.

    python -m tools.sweep --flagfile=flags/recipes/quickstart.flags \
        --sweep_dir=runs/sweep --grid="mask_ratio=0.1,0.5" --seeds=0,1,2

Every flag of tools.search, or of the tool that --tool names, is a base
setting. Exit codes: 0 all are done; 2 bad input; 3 stopped by a signal, what
ran having written checkpoints (the same command goes on); 5 some runs failed
(listed; the same command tries them again).
"""

from __future__ import annotations

import contextlib
import pathlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags

from flags import stage_flags, sweep_flags
from tools import command_line, runner, stages

FAILED = 5

# What --helpshort shows.
flags.adopt_module_key_flags(sweep_flags)


def parse(argv: Sequence[str]) -> list[str]:
    """Reads the flags: those of a sweep and of the tool that it runs."""
    sweep_flags.define_settings(argv)
    flags.adopt_module_key_flags(sweep_flags)
    return command_line.parse(argv)


def main() -> int:
    """Runs the sweep that the flags ask for; returns the exit code."""
    settings = sweep_flags.executor_settings()
    with _directory(settings.executor) as (directory, remote):
        return _sweep(settings, directory, remote)


@contextlib.contextmanager
def _directory(executor: str) -> Iterator[tuple[pathlib.Path, Any]]:
    """Yields the directory of the runs and, where it is a copy, of what."""
    from maenas_tf.config import ConfigError, user_path
    from maenas_tf.executors.remote_folder import RemoteFolder, is_url

    text = sweep_flags.sweep_dir()
    if not is_url(text):
        yield user_path(text), None
        return
    if executor == "local":
        raise ConfigError(
            f"--sweep_dir={text} is a URL, and --executor={executor} writes "
            f"under paths alone; give a path, or --executor=ray."
        )
    with tempfile.TemporaryDirectory(prefix="maenas_sweep_") as path:
        remote = RemoteFolder(text.rstrip("/"), path)
        yield remote.path, remote


def _sweep(settings: Any, directory: pathlib.Path, remote: Any) -> int:
    """Makes the runs; returns the exit code."""
    from flags import swept_tools
    from maenas_tf.config import grid as grids
    from maenas_tf.executors import EXECUTORS
    from maenas_tf.sweeps import sweep_grid
    from maenas_tf.sweeps.sweep import Sweep

    tool = swept_tools.swept_tool(directory)
    text = sweep_flags.GRID.value
    grid = grids.parse_grid(text, tool.defaults, tool=f"tools.{tool.name}")
    text = sweep_flags.seeds()
    seeds = () if text is None else sweep_grid.parse_seeds(text)
    base = sweep_flags.base_settings()
    runs = sweep_grid.expand(tool, base, grid, seeds)
    if tool.name == sweep_flags.PIPELINE:
        # What evaluates and exports is the same in all of them.
        stages.check(stage_flags.arguments(directory / runs[0].name, base))
    record = {"tool": tool.name, "grid": grid, "seeds": seeds, "base": base}
    # Else the first search on a GPU takes all of its memory.
    several = settings.jobs > 1
    shared = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"} if several else {}
    with EXECUTORS.get(settings.executor)(settings, shared) as executor:
        command = sweep_grid.SweepRun.command
        sweep = Sweep(
            runs,
            directory,
            executor,
            command,
            settings.jobs,
            remote=remote,
        )
        stopped = sweep.watch(record)
    if stopped and len(sweep.done) < len(runs):
        left = len(runs) - len(sweep.done)
        print(f"{left} runs are left; the same command goes on.")
        return runner.INTERRUPTED
    if sweep.failed:
        count = len(sweep.failed)
        print(f"{count} of {len(runs)} runs failed.", file=sys.stderr)
        return FAILED
    print(f"All {len(runs)} runs are done: {sweep.named}")
    return 0


if __name__ == "__main__":
    runner.run(main, parse)
