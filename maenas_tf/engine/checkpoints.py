"""Checkpoints from which a run goes on as if it had never stopped."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.engine.tensorflow_paths import tensorflow_path
from maenas_tf.engine.writing import as_os_error
from maenas_tf.ops.packing import stacked_paths

# TensorFlow's reader turns a status into a Python error where it can: a file
# that was cut short is an IndexError, one without an entry a KeyError.
_RESTORE_ERRORS = (AssertionError, LookupError, ValueError, tf.errors.OpError)


def read_state(directory: pathlib.Path) -> dict[str, Any] | None:
    """Returns the state of the latest checkpoint in a directory, or None.

    Raises:
        ConfigError: the checkpoint is damaged.
    """
    latest = latest_checkpoint(directory)
    if latest is None:
        return None
    try:
        reader = tf.train.load_checkpoint(tensorflow_path(latest))
        text = reader.get_tensor("state/.ATTRIBUTES/VARIABLE_VALUE")
    except _RESTORE_ERRORS as error:
        raise ConfigError(
            f"The checkpoint {latest} cannot be read "
            f"({str(error).splitlines()[0]}); use another --run_dir."
        ) from error
    return json.loads(text)


def latest_checkpoint(directory: str | os.PathLike[str]) -> str | None:
    """Returns the path of the latest checkpoint in a directory, or None.

    TensorFlow knows it from a small file of its own; where that is lost the
    files of the checkpoints tell: their index is written last.
    """
    latest = tf.train.latest_checkpoint(tensorflow_path(directory))
    if latest:
        return os.path.join(directory, os.path.basename(latest))
    found = pathlib.Path(directory).glob("ckpt-*.index")
    newest = max(
        (int(file.stem.removeprefix("ckpt-")) for file in found),
        default=None,
    )
    if newest is None:
        return None
    return os.path.join(directory, f"ckpt-{newest}")


def _entry(key: str) -> str:
    """Returns TensorFlow's name of a variable in a checkpoint."""
    escaped = key.replace(".", "..").replace("/", ".S")
    return f"variables/{escaped}/.ATTRIBUTES/VARIABLE_VALUE"


def _keys_apart(
    groups: Mapping[str, list[keras.Variable]],
) -> dict[str, list[str]]:
    """Returns where checkpoints had what a variable stacks, key to keys.

    Until edges stacked their weights, each was an entry, and so was what an
    optimizer holds of it.
    """
    found = {}
    stacked = {
        variable.path: stacked_paths(variable)
        for members in groups.values()
        for variable in members
        if stacked_paths(variable)
    }
    flat = {
        _flat(path): list(map(_flat, paths)) for path, paths in stacked.items()
    }
    for group, members in groups.items():
        for variable in members:
            key = f"{group}/{variable.path}"
            if variable.path in stacked:
                paths = stacked[variable.path]
                found[key] = [f"{group}/{path}" for path in paths]
                continue
            # An optimizer's: its name, the weight's path and what it is.
            owner, _, name = key.rpartition("/")
            path, _, held = name.rpartition("_")
            if path in flat:
                found[key] = [f"{owner}/{p}_{held}" for p in flat[path]]
    return found


def _flat(path: str) -> str:
    return path.replace("/", "_")


class RunCheckpoint:
    """Saves every variable of a run, by path, and the loop's counters.

    Keras' own formats lose the state of random layers, and object-based
    checkpoints of a model leave out what it does not track; a plain
    dictionary of all variables can do neither.

    Args:
        directory: where the checkpoints go; the last two are kept.
        groups: name to variables; names keep equal paths apart.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        groups: Mapping[str, list[keras.Variable]],
    ):
        variables = {}
        self._keys_apart = _keys_apart(groups)
        for group, members in groups.items():
            for variable in members:
                key = f"{group}/{variable.path}"
                if key in variables:
                    raise ValueError(
                        f"Two variables have the path {key!r}; give the "
                        f"layers that own them different names."
                    )
                variables[key] = variable.value
        self._directory = directory
        self._variables = variables
        self._state = tf.Variable("{}", dtype=tf.string, trainable=False)
        self._checkpoint = tf.train.Checkpoint(
            variables=variables, state=self._state
        )
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, tensorflow_path(directory), max_to_keep=2
        )

    def save(self, state: Mapping[str, Any]) -> str:
        """Writes variables and `state` (JSON values); returns the path.

        Raises:
            OSError: it cannot be written; the checkpoint before stands.
        """
        self._state.assign(json.dumps(dict(state)))
        try:
            with as_os_error(self._directory):
                written = os.path.basename(self._manager.save())
        except OSError:
            for begun in pathlib.Path(self._directory).glob("*_temp"):
                shutil.rmtree(begun, ignore_errors=True)
            raise
        return os.path.join(self._directory, written)

    def restore(self) -> dict[str, Any] | None:
        """Restores the latest checkpoint; returns its state or None.

        Raises:
            ConfigError: the checkpoint does not fit the model or is damaged.
        """
        latest = self.latest
        if latest is None:
            return None
        try:
            reader = tf.train.load_checkpoint(tensorflow_path(latest))
            if not all(map(reader.has_tensor, map(_entry, self._keys_apart))):
                self._restore_apart(reader)
                return read_state(self._directory)
            found = self._checkpoint.restore(tensorflow_path(latest))
            found.assert_consumed()
        except _RESTORE_ERRORS as error:
            raise ConfigError(
                f"The checkpoint {latest} cannot be restored into this model; "
                f"it may be of another version of maenas_tf "
                f"({str(error).splitlines()[0]}); use another --run_dir."
            ) from error
        return json.loads(self._state.numpy())

    def _restore_apart(self, reader: tf.train.CheckpointReader) -> None:
        """Restores what was written when all weights were apart.

        Raises:
            ValueError: it holds other variables.
        """
        entries = {
            key: [*map(_entry, self._keys_apart.get(key, [key]))]
            for key in self._variables
        }
        wanted = {name for names in entries.values() for name in names}
        held = {
            name
            for name in reader.get_variable_to_shape_map()
            if name.startswith("variables/")
        }
        if wanted != held:
            raise ValueError(f"{len(wanted ^ held)} variables differ")
        for key, variable in self._variables.items():
            values = [reader.get_tensor(name) for name in entries[key]]
            stacked = key in self._keys_apart
            variable.assign(np.stack(values) if stacked else values[0])

    @property
    def latest(self) -> str | None:
        """The path of the latest checkpoint, or None."""
        return latest_checkpoint(self._directory)
