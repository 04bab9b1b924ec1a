"""The stages of a pipeline: tools, one after the other."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from flags import stage_flags
from maenas_tf.config import Config, ConfigError
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


def wait_for(path: pathlib.Path) -> None:
    """Waits for a stage that has outlived a pipeline that was killed."""
    from maenas_tf.runs.run_directory import is_in_use

    if is_in_use(path):
        print(f"{path} is in use by another process; waiting for it.")
    while is_in_use(path):
        time.sleep(1.0)


def check(given: Mapping[str, Sequence[str]]) -> dict[str, Config]:
    """Checks the flags of all stages, before the first takes its time.

    Returns:
        The configurations of the stages that make runs.

    Raises:
        ConfigError: some are wrong, or two stages do not fit together.
    """
    configs = {}
    for name, arguments in given.items():
        if name in stage_flags.CONFIGS:
            configs[name] = stage_flags.read_config(name, arguments)
        elif problem := _check_flags(name, arguments):
            raise ConfigError(f"--{name}_flags: {problem}")
    stage_flags.check_networks(configs)
    return configs


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
