"""data.json: which images a run has read, and whether they are the same now.

What was found out about them at some cost is in images.npz.
"""

from __future__ import annotations

import json
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from maenas_tf.config import ConfigError
from maenas_tf.data.identity import DataIdentity
from maenas_tf.data.notes import Notes
from maenas_tf.runs import atomic, files


def read_data(path: pathlib.Path) -> DataIdentity | None:
    """Returns what a run has read; None where an older version ran.

    Args:
        path: the run directory.

    Raises:
        ConfigError: the file cannot be read.
    """
    file = path / files.DATA
    if not file.exists():
        return None
    try:
        return DataIdentity.from_dict(json.loads(file.read_text()))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--run_dir={path} holds a {files.DATA} that cannot be read "
            f"({error}); give another directory."
        ) from error


def check_data(path: pathlib.Path, identity: DataIdentity) -> None:
    """Raises ConfigError if a directory holds a run on other images.

    Args:
        path: the directory; where it holds no run, or one of before there
            was a record, nothing is checked.
        identity: of the images that are there now.
    """
    if not (path / files.CONFIG).exists():
        return
    before = read_data(path)
    if before is not None:
        refuse_changes(path, before, identity)


def refuse_changes(
    path: pathlib.Path, before: DataIdentity, now: DataIdentity
) -> None:
    """Raises ConfigError if images are others than a run has read."""
    changes = before.changes(now)
    if changes:
        raise ConfigError(
            f"--run_dir={path} holds a run on other images: {changes}; give "
            f"the images as they were then, or another directory to start "
            f"anew."
        )


def check_node(before: Mapping[str, Any], now: DataIdentity) -> None:
    """Raises ConfigError if a node has other images than an experiment.

    Args:
        before: `DataIdentity.to_dict` of the experiment's.
        now: of the images of this node.
    """
    changes = DataIdentity.from_dict(before).changes(now)
    if changes:
        raise ConfigError(
            f"its images are not those of the machine where the command was "
            f"given: {changes}; give all nodes the same ones under the same "
            f"--data_dir."
        )


def record_data(
    path: pathlib.Path, identity: DataIdentity, begins: bool
) -> None:
    """Writes data.json.

    Args:
        path: the run directory.
        identity: of the run's images.
        begins: whether the run does; else a record that is there stays.
    """
    if begins or not (path / files.DATA).exists():
        atomic.write_json(path / files.DATA, identity.to_dict())


def read_notes(path: pathlib.Path) -> Notes:
    """Returns what a run has found out about its images.

    Args:
        path: the run directory. Where it holds no notes, or damaged ones,
            everything is found anew.
    """
    try:
        with np.load(path / files.IMAGES, allow_pickle=False) as arrays:
            return Notes(dict(arrays))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return Notes()


def write_notes(path: pathlib.Path, notes: Notes) -> None:
    """Writes images.npz, if there is anything to keep.

    Args:
        path: the run directory.
        notes: of the run's images.
    """
    if notes.changed:
        atomic.write_arrays(path / files.IMAGES, notes.arrays)
