"""The run directory: what a run leaves behind, and how it is written.

Every file is written beside its place and moved there, so that a reader, or
a run that is killed at any moment, never meets half a file.
"""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from maenas_tf.config import ConfigError, SearchConfig
from maenas_tf.spaces import Genotype


class RunDirectory:
    """The files of one search.

    Args:
        path: the directory; made if missing.
        config: of the search. A directory that holds a run of another
            configuration is refused.
        resume: whether a run that is there may go on.

    Raises:
        ConfigError: the directory cannot be written, belongs to another
            configuration, is in use, or holds a run and `resume` is false.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        config: SearchConfig,
        resume: bool = True,
    ):
        self.path = pathlib.Path(path)
        self._make(resume)
        self._check_config(config)
        self.rows: list[dict[str, Any]] = []
        self.arrays: dict[str, list[np.ndarray]] = {}

    def _make(self, resume: bool) -> None:
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
        except OSError as error:
            raise ConfigError(
                f"--run_dir={self.path} is in use by another process; wait "
                f"for it or give another directory."
            ) from error
        if not resume and (self.path / "config.json").exists():
            raise ConfigError(
                f"--run_dir={self.path} holds a run already; drop "
                f"--noresume to go on with it or give another directory."
            )

    def _check_config(self, config: SearchConfig) -> None:
        file = self.path / "config.json"
        if not file.exists():
            return
        try:
            there = SearchConfig.from_json(file.read_text())
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"--run_dir={self.path} holds a config.json that cannot be "
                f"read ({error}); give another directory."
            ) from error
        names = there.differences(config)
        if names:
            differences = ", ".join(
                f"--{name}={getattr(config, name)} (there: "
                f"{getattr(there, name)})"
                for name in names
            )
            raise ConfigError(
                f"--run_dir={self.path} holds a run of another "
                f"configuration: {differences}; give another directory or "
                f"the same flags."
            )

    def close(self) -> None:
        """Lets other processes use the directory."""
        self._lock.close()

    def subdirectory(self, name: str) -> pathlib.Path:
        """Returns a directory inside, made if missing."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        return path

    def write_bytes(self, name: str, content: bytes) -> None:
        """Writes a file at once or not at all."""
        target = self.path / name
        temporary = target.with_name(f".{target.name}.new")
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file at once or not at all."""
        self.write_bytes(name, text.encode())

    def write_config(self, config: SearchConfig) -> None:
        """Writes config.json and flags.txt, the same as a flag file."""
        self.write_text("config.json", config.to_json())
        lines = [f"--run_dir={self.path}"]
        for name, value in json.loads(config.to_json()).items():
            if isinstance(value, bool):
                lines.append(f"--{name}" if value else f"--no{name}")
            else:
                lines.append(f"--{name}={value}")
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

    def append_epoch(
        self, row: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> None:
        """Adds an epoch to history.csv and alphas.npz.

        Args:
            row: column to value; "epoch" and the same columns each time.
            arrays: name to array; stacked over the epochs.
        """
        self.rows.append(dict(row))
        for name, array in arrays.items():
            self.arrays.setdefault(name, []).append(array)
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
        stacked = io.BytesIO()
        np.savez(stacked, **{k: np.stack(v) for k, v in self.arrays.items()})
        self.write_bytes("alphas.npz", stacked.getvalue())

    def load_history(self, num_epochs: int) -> None:
        """Takes up the first epochs of what was written, dropping the rest.

        A process may have died between writing an epoch's row and its
        checkpoint; that epoch is run again.
        """
        if not num_epochs:
            return
        with open(self.path / "history.csv", newline="") as file:
            self.rows = list(csv.DictReader(file))[:num_epochs]
        with np.load(self.path / "alphas.npz") as arrays:
            self.arrays = {
                name: list(arrays[name][:num_epochs]) for name in arrays
            }

    def stacked_arrays(self) -> dict[str, np.ndarray]:
        """Returns name to array [epochs, ...]."""
        return {name: np.stack(rows) for name, rows in self.arrays.items()}
