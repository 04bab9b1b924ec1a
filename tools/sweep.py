r"""Searches with every combination of settings and seeds, resumably.

    python -m tools.sweep --flagfile=flags/recipes/quickstart.flags \
        --sweep_dir=runs/sweep --grid="mask_ratio=0.1,0.5" --seeds=0,1,2

Every flag of tools.search is a base setting. Exit codes: 0 all are done; 2
bad input; 3 stopped by a signal, the running searches having written
checkpoints (the same command goes on); 5 some runs failed (listed; the same
command tries them again).
"""

from __future__ import annotations

import pathlib
import sys

from absl import flags

from flags import sweep_flags
from tools import runner

FAILED = 5

# What --helpshort shows.
flags.adopt_module_key_flags(sweep_flags)


def main() -> int:
    """Runs the sweep that the flags ask for; returns the exit code."""
    from maenas_tf.config import grid as grids
    from maenas_tf.engine.signals import SignalWatch
    from maenas_tf.runs.run_directory import to_flags
    from maenas_tf.searching.config import SearchConfig
    from maenas_tf.sweeps import sweep_grid, sweep_state
    from maenas_tf.sweeps.executor import LocalExecutor
    from maenas_tf.sweeps.sweep import Sweep
    from maenas_tf.sweeps.sweep_display import open_display

    def command(run: sweep_grid.SweepRun, path: pathlib.Path) -> list[str]:
        minutes = sweep_flags.CHECKPOINT_MINUTES.value
        own = [f"--run_dir={path}", f"--checkpoint_minutes={minutes}"]
        search = [sys.executable, "-m", "tools.search"]
        return [*search, *own, *to_flags(run.config)]

    grid = grids.parse_grid(sweep_flags.GRID.value, SearchConfig)
    seeds = sweep_grid.parse_seeds(sweep_flags.seeds())
    base = sweep_flags.base_settings()
    runs = sweep_grid.expand(base, grid, seeds)
    jobs = sweep_flags.JOBS.value
    # Else the first search on a GPU takes all of its memory.
    shared = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"} if jobs > 1 else {}
    sweep = Sweep(
        runs, sweep_flags.sweep_dir(), LocalExecutor(shared), command, jobs
    )
    with SignalWatch().installed() as signals:
        display = open_display()
        try:
            record = {"grid": grid, "seeds": seeds, "base": base}
            stopped = sweep.run(signals, display, record)
        finally:
            display.close()
    counts = sweep_state.count(sweep.states)
    failed = [s for s in sweep.states if s.state == sweep_state.FAILED]
    for state in failed:
        print(f"failed: {state.run.name}: {state.note}; {state.log}")
    if stopped and counts[sweep_state.DONE] < len(runs):
        left = len(runs) - counts[sweep_state.DONE]
        print(f"{left} runs are left; the same command goes on.")
        return runner.INTERRUPTED
    if failed:
        print(f"{len(failed)} of {len(runs)} runs failed.", file=sys.stderr)
        return FAILED
    print(f"All {len(runs)} runs are done: {sweep.directory}")
    return 0


if __name__ == "__main__":
    runner.run(main)
