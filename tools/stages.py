"""The stages of a pipeline: tools, one after the other."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from flags import pipeline_flags
from maenas_tf.config import ConfigError
from tools import runner


def run_stage(name: str, arguments: Sequence[str]) -> int:
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


def check(given: Mapping[str, Sequence[str]]) -> None:
    """Checks the flags of all stages, before the first takes its time.

    Raises:
        ConfigError: some are wrong, or two stages do not fit together.
    """
    configs = {}
    for name, arguments in given.items():
        if name in pipeline_flags.CONFIGS:
            config = pipeline_flags.read_config(name, arguments)
            configs[name] = config
        elif problem := _check_flags(name, arguments):
            raise ConfigError(f"--{name}_flags: {problem}")
    if not configs.keys() >= {"pretrain", "train"}:
        return
    for setting in ("genotype", "init_channels", "num_cells", "stem"):
        first = getattr(configs["pretrain"], setting)
        second = getattr(configs["train"], setting)
        if first != second:
            raise ConfigError(
                f"--pretrain_flags say --{setting}={first} and --train_flags "
                f"--{setting}={second}; the weights of one network fit no "
                f"other: give the same."
            )


def _check_flags(name: str, arguments: Sequence[str]) -> str:
    """Returns what is wrong with a tool's flags, in its own words."""
    command = [sys.executable, "-m", f"tools.{name}", *arguments]
    done = subprocess.run(
        [*command, "--only_check_args"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip() if done.returncode else ""
