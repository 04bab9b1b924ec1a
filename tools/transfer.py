r"""Searches on one data set, then trains and evaluates on another.

    python -m tools.transfer --run_dir=runs/transfer \
        --search_flags="--flagfile=flags/recipes/quickstart.flags" \
        --train_flags="--flagfile=flags/recipes/darts_cifar10_train_cpu.flags"

It runs tools.search, tools.train and tools.evaluate in turn; run again, each
goes on or finds that it is done. Exit codes: 0 done, else that of the tool
that stopped (2 bad input, 3 stopped by a signal, 4 diverged).
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence

from absl import flags

from flags import transfer_flags
from tools import runner

# What --helpshort shows.
flags.adopt_module_key_flags(transfer_flags)


def run_step(name: str, arguments: Sequence[str]) -> int:
    """Runs a tool, handing signals on; returns its exit code."""
    print(f"tools.{name} {' '.join(arguments)}")
    received, processes = [], []

    def pass_on(number, frame):
        received.append(number)
        for process in processes:
            process.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, pass_on)
    # In a session of its own, or Ctrl-C on the terminal would reach it twice.
    command = [sys.executable, "-m", f"tools.{name}", *arguments]
    processes.append(subprocess.Popen(command, start_new_session=True))
    for number in received:
        processes[0].send_signal(number)
    code = processes[0].wait()
    # A tool that was too quick, or too young, for a checkpoint goes on too.
    return runner.INTERRUPTED if received and code <= 0 else code


def main() -> int:
    """Runs the three tools; returns the exit code."""
    run_dir = transfer_flags.RUN_DIR.value.rstrip("/")
    search, train = f"{run_dir}/search", f"{run_dir}/train"
    # The last occurrence of a flag wins over that of a recipe.
    own = {
        "search": [f"--run_dir={search}"],
        "train": [f"--run_dir={train}", f"--genotype={search}"],
        "evaluate": [f"--run_dir={train}"],
    }
    given = {name: transfer_flags.step_flags(name) for name in own}
    for name, arguments in own.items():
        code = run_step(name, [*given[name], *arguments])
        if code:
            print(f"tools.{name} ended with {code}.", file=sys.stderr)
            return code
    return 0


if __name__ == "__main__":
    runner.run(main)
