"""The run directory: what a run leaves behind, and how it is written.

Every file is written beside its place and moved there, so that a reader, or
a run that is killed at any moment, never meets half a file.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
import os
import pathlib
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from maenas_tf.config import Config, ConfigError
from maenas_tf.spaces import Genotype


@contextlib.contextmanager
def replacing(target: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields where to write a file that is then moved to its place.

    The temporary name ends like the file's own.
    """
    temporary = target.with_name(f".new.{target.name}")
    yield temporary
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, target)


def write_bytes(target: pathlib.Path, content: bytes) -> None:
    """Writes a file at once or not at all."""
    with replacing(target) as temporary:
        temporary.write_bytes(content)


def to_flags(config: Config) -> list[str]:
    """Returns every setting as the flag that asks for it."""
    flags = []
    for name, value in json.loads(config.to_json()).items():
        if isinstance(value, bool):
            flags.append(f"--{name}" if value else f"--no{name}")
        else:
            flags.append(f"--{name}={value}")
    return flags


def holds_run(
    path: pathlib.Path, config: Config, named: str, other: str
) -> bool:
    """Returns whether a directory holds a run of a configuration.

    Args:
        path: the directory, which need not be there.
        config: the configuration.
        named: the directory in messages.
        other: what the user may give another of.

    Raises:
        ConfigError: it holds a run of another configuration, or one that
            cannot be read.
    """
    file = path / "config.json"
    if not file.exists():
        return False
    try:
        there = type(config).from_json(file.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{named} holds a config.json that cannot be read ({error}); "
            f"give another {other}."
        ) from error
    differences = ", ".join(
        f"--{name}={getattr(config, name)} (there: {getattr(there, name)})"
        for name in there.differences(config)
    )
    if differences:
        raise ConfigError(
            f"{named} holds a run of another configuration: {differences}; "
            f"give another {other} or the same flags."
        )
    return True


class RunDirectory:
    """The files of one search or training.

    Args:
        path: the directory; made if missing.
        config: of the run. A directory that holds a run of another
            configuration is refused.
        resume: whether a run that is there may go on.

    Raises:
        ConfigError: the directory cannot be written, belongs to another
            configuration, is in use, or holds a run and `resume` is false.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        config: Config,
        resume: bool = True,
    ):
        if not os.fspath(path):
            raise ConfigError("--run_dir is empty; give a directory.")
        self.path = pathlib.Path(path)
        self._make()
        try:
            self._check_run(config, resume)
        except ConfigError:
            self.close()
            raise
        self.rows: list[dict[str, Any]] = []
        self.arrays: dict[str, list[np.ndarray]] = {}

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.path / ".lock", "a")
        except OSError as error:
            raise ConfigError(
                f"--run_dir={self.path} cannot be written "
                f"({error.strerror}); give a directory of your own."
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise ConfigError(
                f"--run_dir={self.path} is in use by another process; wait "
                f"for it or give another directory."
            ) from error
        except OSError:
            return  # A file system without locks; nothing to be done.

    def _check_run(self, config: Config, resume: bool) -> None:
        there = holds_run(
            self.path, config, f"--run_dir={self.path}", "directory"
        )
        if there and not resume:
            raise ConfigError(
                f"--run_dir={self.path} holds a run already; drop "
                f"--noresume to go on with it or give another directory."
            )

    def close(self) -> None:
        """Lets other processes use the directory."""
        self._lock.close()

    def subdirectory(self, name: str) -> pathlib.Path:
        """Returns a directory inside, made if missing."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        return path

    def replacing(
        self, name: str
    ) -> contextlib.AbstractContextManager[pathlib.Path]:
        """As `replacing`, of a file of this directory."""
        return replacing(self.path / name)

    def write_bytes(self, name: str, content: bytes) -> None:
        """Writes a file at once or not at all."""
        write_bytes(self.path / name, content)

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file at once or not at all."""
        self.write_bytes(name, text.encode())

    def write_config(self, config: Config) -> None:
        """Writes config.json and flags.txt, the same as a flag file."""
        self.write_text("config.json", config.to_json())
        lines = [f"--run_dir={self.path}", *to_flags(config)]
        self.write_text("flags.txt", "\n".join(lines) + "\n")

    def write_genotype(self, genotype: Genotype) -> None:
        """Writes genotype.json."""
        self.write_text("genotype.json", genotype.to_json())

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Writes summary.json."""
        text = json.dumps(dict(summary), indent=2) + "\n"
        self.write_text("summary.json", text)

    def read_summary(self) -> dict[str, Any] | None:
        """Returns summary.json's content, or None before the end."""
        file = self.path / "summary.json"
        return json.loads(file.read_text()) if file.exists() else None

    def append_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Adds an epoch's arrays, which `append_epoch` will write.

        Args:
            arrays: name to array; stacked over the epochs.
        """
        for name, array in arrays.items():
            self.arrays.setdefault(name, []).append(array)

    def append_epoch(self, row: Mapping[str, Any]) -> None:
        """Adds an epoch to history.csv and, of a search, alphas.npz.

        Args:
            row: column to value; "epoch" and the same columns each time.
        """
        self.rows.append(dict(row))
        self._write_history()

    def _write_history(self) -> None:
        columns: list[str] = []
        for row in self.rows:
            columns.extend(c for c in row if c not in columns)
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        self.write_text("history.csv", text.getvalue())
        if not self.arrays:
            return
        stacked = io.BytesIO()
        np.savez(stacked, **{k: np.stack(v) for k, v in self.arrays.items()})
        self.write_bytes("alphas.npz", stacked.getvalue())

    def load_history(self, num_epochs: int, with_arrays: bool = True) -> None:
        """Takes up the first epochs of what was written, dropping the rest.

        A process may have died between writing an epoch's row and its
        checkpoint; that epoch is run again.

        Args:
            num_epochs: how many epochs the checkpoint has seen.
            with_arrays: whether alphas.npz is to be there.

        Raises:
            ConfigError: there are fewer epochs, or a file cannot be read.
        """
        if not num_epochs:
            return
        try:
            with open(self.path / "history.csv", newline="") as file:
                rows = list(csv.DictReader(file))[:num_epochs]
            stacks = self._read_arrays(num_epochs) if with_arrays else {}
        except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
            raise ConfigError(
                f"--run_dir={self.path} holds a history.csv or alphas.npz "
                f"that cannot be read ({error}); give another directory."
            ) from error
        if {num_epochs} != {len(rows), *map(len, stacks.values())}:
            raise ConfigError(
                f"--run_dir={self.path} holds a history.csv or alphas.npz of "
                f"fewer than the {num_epochs} epochs that its checkpoint has "
                f"seen; give another directory."
            )
        self.rows = rows
        self.arrays = {name: list(stack) for name, stack in stacks.items()}

    def _read_arrays(self, num_epochs: int) -> dict[str, np.ndarray]:
        with np.load(self.path / "alphas.npz") as arrays:
            return {name: arrays[name][:num_epochs] for name in arrays}

    def stacked_arrays(self) -> dict[str, np.ndarray]:
        """Returns name to array [epochs, ...]."""
        return {name: np.stack(rows) for name, rows in self.arrays.items()}
