"""This checkout and another commit of the project, timed in turn."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from maenas_tf.config import ConfigError
from maenas_tf.engine.console import ProgressBar, say
from maenas_tf.timing import measuring
from maenas_tf.timing.config import MEMORY, BenchmarkConfig
from maenas_tf.timing.revision import ROOT, checked_out, find_commit

_SECONDS_TO_END = 30.0
_LAST_BYTES = 10_000


class Side:
    """One of the two, in a process of its own, for a `with` block.

    It hears no Ctrl-C of its own: it is ended with the block.

    Args:
        label: what it is, for messages.
        root: of the checkout.
    """

    def __init__(self, label: str, root: str):
        self.label = label
        self._root = root

    def __enter__(self) -> Side:
        self._end, there = multiprocessing.Pipe()
        self._said = tempfile.TemporaryFile()
        with there:
            self._process = subprocess.Popen(
                [sys.executable, "-P", measuring.__file__, str(there.fileno())],
                env={**os.environ, "PYTHONPATH": self._root},
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=subprocess.STDOUT,
                pass_fds=[there.fileno()],
                start_new_session=True,
            )
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()
        self._end.close()
        self._said.close()

    def tell(self, message: Any) -> None:
        """Sends a message."""
        with contextlib.suppress(BrokenPipeError):  # `hear` says why.
            self._end.send(message)

    def hear(self) -> dict[str, Any]:
        """Waits for the answer.

        Raises:
            ConfigError: it cannot do what is asked for, or has ended.
        """
        try:
            kind, content = self._end.recv()
        except (EOFError, ConnectionResetError) as error:
            raise ConfigError(self._epitaph()) from error
        if kind == measuring.REFUSED:
            raise ConfigError(f"{self.label}: {content}")
        if kind == measuring.TOO_OLD:
            raise ConfigError(
                f"{self.label} is too old to be timed so: it does not know "
                f"{content}; drop that or give a later commit."
            )
        return content

    def _epitaph(self) -> str:
        code = self._process.wait(_SECONDS_TO_END)
        if code < 0:
            return (
                f"{self.label}: its process was ended by signal {-code}; see "
                f"that there is memory for two at a time."
            )
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - _LAST_BYTES))
        lines = self._said.read().decode(errors="replace").split("\n")
        last = next((x.strip() for x in reversed(lines) if x.strip()), "")
        return (
            f"{self.label} failed ({last}); it does not run with these "
            f"settings here, give others or another commit."
        )


def compare_commits(
    config: BenchmarkConfig, root: pathlib.Path = ROOT
) -> dict[str, list[dict[str, Any]]]:
    """Times all that is asked for here and at a commit, A B A B.

    Args:
        config: of the benchmark; it names the commit.
        root: where the package lies.

    Returns:
        A name to what was measured here and there.

    Raises:
        ConfigError: there is no such commit, or it cannot do it.
    """
    flag = f"--against={config.against}"
    commit = find_commit(config.revision, flag, root)
    results = {}
    with checked_out(commit, root) as directory:
        sides = {"This checkout": os.fspath(root), flag: directory}
        for name in config.names:
            if name == MEMORY:
                results[name] = [_weigh(*s, config) for s in sides.items()]
            else:
                results[name] = _in_turn(name, config, sides)
    return results


def _begin(side: Side, name: str, config: BenchmarkConfig) -> None:
    settings = config.of_a_thing(config.to_dict())
    say(f"preparing {name}: {side.label}")
    side.tell((name, settings, config.defaults()))


def _weigh(label: str, root: str, config: BenchmarkConfig) -> dict[str, Any]:
    with Side(label, root) as side:
        _begin(side, MEMORY, config)
        return side.hear()


def _in_turn(
    name: str, config: BenchmarkConfig, roots: Mapping[str, str]
) -> list[dict[str, Any]]:
    with contextlib.ExitStack() as open_sides:
        sides, results = [], []
        for label, root in roots.items():
            side = open_sides.enter_context(Side(label, root))
            _begin(side, name, config)
            results.append({**side.hear(), "seconds": [], "cpu_seconds": []})
            sides.append(side)
        with ProgressBar(config.repeats * 2, unit="measurement") as bar:
            for _ in range(config.repeats):
                for side, result in zip(sides, results, strict=True):
                    side.tell(config.steps)
                    for key, values in side.hear().items():
                        result[key] += values
                    bar.update()
    return results
