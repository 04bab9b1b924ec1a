r"""Runs every combination of settings and seeds, resumably.

    python -m tools.sweep --flagfile=flags/recipes/quickstart.flags \
        --sweep_dir=runs/sweep --grid="mask_ratio=0.1,0.5" --seeds=0,1,2

Every flag of tools.search, or of the tool that --tool names, is a base
setting. Exit codes: 0 all are done; 2 bad input; 3 stopped by a signal, what
ran having written checkpoints (the same command goes on); 5 some runs failed
(listed; the same command tries them again).
"""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from absl import flags

from flags import stage_flags, sweep_flags
from tools import command_line, runner, stages

FAILED = 5
flags.adopt_module_key_flags(sweep_flags)


def parse(argv: Sequence[str]) -> list[str]:
    """Reads the flags: those of a sweep and of the tool that it runs."""
    sweep_flags.define_settings(argv)
    flags.adopt_module_key_flags(sweep_flags)
    return command_line.parse(argv)


def main() -> int:
    """Runs the sweep that the flags ask for; returns the exit code."""
    from maenas_tf.executors.remote_folder import worked_on

    settings = sweep_flags.executor_settings()
    with worked_on(sweep_flags.sweep_dir(), settings.executor) as place:
        return _sweep(settings, *place)


def _sweep(settings: Any, directory: pathlib.Path, remote: Any) -> int:
    """Makes the runs; returns the exit code."""
    from flags import swept_tools
    from maenas_tf.config import grid as grids
    from maenas_tf.executors import EXECUTORS
    from maenas_tf.sweeps import sweep_grid
    from maenas_tf.sweeps.sweep import Sweep

    tool = swept_tools.swept_tool(directory)
    text, name = sweep_flags.GRID.value, f"tools.{tool.name}"
    grid = grids.parse_grid(text, tool.defaults, tool=name)
    seeds = sweep_grid.parse_seeds(sweep_flags.seeds())
    base = sweep_flags.base_settings()
    runs = sweep_grid.expand(tool, base, grid, seeds)
    if tool.name == sweep_flags.PIPELINE:  # All evaluate and export alike.
        stages.check(stage_flags.arguments(directory / runs[0].name, base))
    record = {"tool": tool.name, "grid": grid, "seeds": seeds, "base": base}
    # Else the first search on a GPU takes all of its memory.
    several = settings.jobs > 1
    shared = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"} if several else {}
    with EXECUTORS.get(settings.executor)(settings, shared) as executor:
        order = sweep_grid.SweepRun.command, settings.jobs
        sweep = Sweep(runs, directory, executor, *order, remote=remote)
        stopped = sweep.watch(record)
    if stopped and (left := len(runs) - len(sweep.done)):
        print(f"{left} runs are left; the same command goes on.")
        return runner.INTERRUPTED
    if failed := len(sweep.failed):
        print(f"{failed} of {len(runs)} runs failed.", file=sys.stderr)
        return FAILED
    print(f"All {len(runs)} runs are done: {sweep.named}")
    return 0


if __name__ == "__main__":
    runner.run(main, parse)
