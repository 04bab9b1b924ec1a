"""The run directory: what a run leaves behind, and how it is written."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from maenas_tf.config import Config, ConfigError, user_path
from maenas_tf.data import image_listing
from maenas_tf.engine.console import say
from maenas_tf.runs import atomic, files
from maenas_tf.runs.csv_files import csv_text, read_rows
from maenas_tf.runs.kinds import KIND
from maenas_tf.runs.lock import is_locked, lock_directory
from maenas_tf.spaces import Genotype

ConfigType = TypeVar("ConfigType", bound=Config)


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
    file = path / files.CONFIG
    if not file.exists():
        return False
    try:
        text = file.read_text()
        there = type(config).from_json(text)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{named} holds a {files.CONFIG} that cannot be read ({error}); "
            f"give another {other}."
        ) from error
    config = config.as_begun(text)
    differences = ", ".join(
        f"--{name}={getattr(config, name)} (there: {getattr(there, name)})"
        for name in there.differences(config)
        if not config.settings()[name].of_place
    )
    if differences:
        raise ConfigError(
            f"{named} holds a run of another configuration: {differences}; "
            f"give another {other} or the same flags."
        )
    return True


def is_in_use(path: pathlib.Path) -> bool:
    """Returns whether a process writes into a run directory."""
    return is_locked(path, files.LOCK)


def as_begun(config: ConfigType, path: str | os.PathLike[str]) -> ConfigType:
    """Returns a configuration as the run in a directory means it.

    Args:
        config: of the run that is wanted.
        path: the directory. Where it holds no run of this kind, the
            configuration stays as it is, and `RunDirectory` says what is
            wrong.
    """
    try:
        text = (user_path(path) / files.CONFIG).read_text()
        type(config).from_json(text)
    except (OSError, ValueError):
        return config
    begun = config.as_begun(text)
    for name in begun.differences(config):
        say(
            f"note: the run in {os.fspath(path)} is older than --{name} and "
            f"goes on with {getattr(begun, name)}"
        )
    return begun


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
        self.path = user_path(path)
        self._check_apart(config)
        self._lock = lock_directory(self.path, files.LOCK, "run_dir", "process")
        try:
            self._check_run(config, resume)
        except ConfigError:
            self.close()
            raise

    def _check_apart(self, config: Config) -> None:
        """Refuses a folder of the images, whose files would be mixed up."""
        settings = config.to_dict()
        folder = settings.get("dataset") == "folder" and settings["data_dir"]
        if not folder or not self.path.is_dir():
            return
        data_dir = user_path(folder).resolve()
        path = self.path.resolve()
        inside = data_dir in (path, *path.parents)
        if inside and image_listing.holds_images(path):
            raise ConfigError(
                f"--run_dir={self.path} holds images of --data_dir={folder}; "
                f"give a directory of its own."
            )

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

    def replacing(
        self, name: str
    ) -> contextlib.AbstractContextManager[pathlib.Path]:
        """As `atomic.replacing`, of a file of this directory."""
        return atomic.replacing(self.path / name)

    def write_bytes(self, name: str, content: bytes) -> None:
        """Writes a file at once or not at all."""
        atomic.write_bytes(self.path / name, content)

    def write_text(self, name: str, text: str) -> None:
        """Writes a text file at once or not at all."""
        atomic.write_text(self.path / name, text)

    def write_config(self, config: Config) -> None:
        """Writes config.json and flags.txt, the same as a flag file."""
        self.write_text(files.CONFIG, config.to_json())
        lines = [f"--run_dir={self.path}", *to_flags(config)]
        self.write_text(files.FLAGS, "\n".join(lines) + "\n")

    def write_genotype(self, genotype: Genotype) -> None:
        """Writes genotype.json."""
        self.write_text(files.GENOTYPE, genotype.to_json())

    def write_summary(self, kind: str, summary: Mapping[str, Any]) -> None:
        """Writes summary.json.

        Args:
            kind: of the run; see `maenas_tf.runs.kinds`.
            summary: what else there is to say.
        """
        atomic.write_json(self.path / files.SUMMARY, {KIND: kind, **summary})

    def read_summary(self) -> dict[str, Any] | None:
        """Returns summary.json's content, or None before the end."""
        file = self.path / files.SUMMARY
        return json.loads(file.read_text()) if file.exists() else None

    def write_history(
        self,
        rows: Sequence[Mapping[str, Any]],
        arrays: Mapping[str, np.ndarray],
    ) -> None:
        """Writes history.csv and, of a search with alphas, alphas.npz.

        Args:
            rows: a row an epoch, column to value.
            arrays: name to array [epochs, ...]; none writes no file.
        """
        self.write_text(files.HISTORY, csv_text(rows))
        if arrays:
            atomic.write_arrays(self.path / files.ALPHAS, arrays)

    def read_history(
        self, with_arrays: bool = True
    ) -> tuple[list[dict[str, str]], dict[str, np.ndarray]]:
        """Reads what `write_history` wrote, values of the rows as texts.

        Args:
            with_arrays: whether alphas.npz is to be there.

        Raises:
            ConfigError: a file is missing or cannot be read.
        """
        try:
            rows = read_rows(self.path / files.HISTORY)
            arrays = {}
            if with_arrays:
                with np.load(self.path / files.ALPHAS) as stored:
                    arrays = dict(stored)
        except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
            raise ConfigError(
                f"--run_dir={self.path} holds a {files.HISTORY} or "
                f"{files.ALPHAS} that cannot be read ({error}); give another "
                f"directory."
            ) from error
        return rows, arrays
