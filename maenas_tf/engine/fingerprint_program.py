"""The program and the process in which a step is traced, in plain data."""

from __future__ import annotations

import functools
import hashlib
import os
import pathlib
import platform
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

# Not all of this has a public name.
from tensorflow.python.framework import ops
from tensorflow.python.framework.config import (
    is_op_determinism_enabled,
    tensor_float_32_execution_enabled,
)

from maenas_tf.engine.fingerprint_code import OURS, NotKnown, is_library
from maenas_tf.ops.replica import synchronizes_statistics

_PACKAGE = pathlib.Path(__file__).parents[1]
# A text of later is not what this process has read.
_BEGUN = time.time()
# They read settings, and make nothing themselves.
_DOORS = (_PACKAGE.parent / "flags", _PACKAGE.parent / "tools")
_VARIABLES = ("TF_", "TF2_", "XLA_", "KERAS_", "MAENAS")
_OF_LOGS = "TF_CPP_"
# What TensorFlow makes of functions, under names drawn at random.
_GENERATED = "__autograph_generated_file"


def program(package: pathlib.Path = _PACKAGE) -> dict[str, Any]:
    """Returns what is computed: texts by their hashes, and versions.

    Args:
        package: folder of what is ours.

    Raises:
        NotKnown: what was started has no text that could be read again.
    """
    return {
        "python": (sys.version, sys.flags.optimize, platform.machine()),
        "tensorflow": (tf.version.GIT_VERSION, tf.version.COMPILER_VERSION),
        "installed": sorted(set(_installed())),
        "package": {
            str(path.relative_to(package)): _hash(path)
            for path in sorted(package.rglob("*.py"))
        },
        "others": dict(sorted(_others())),
    }


def process() -> dict[str, Any]:
    """Returns the settings of the process that a trace may read.

    Raises:
        NotKnown: functions are not traced as they are, as for debugging.
    """
    if context.context().op_callbacks or tf.config.functions_run_eagerly():
        raise NotKnown("functions that are looked on")
    devices = tf.config.list_physical_devices()
    return {
        "keras": (
            keras.config.dtype_policy().name,
            keras.config.floatx(),
            keras.config.epsilon(),
            keras.config.image_data_format(),
        ),
        "deterministic": is_op_determinism_enabled(),
        "statistics of all": synchronizes_statistics(),
        "devices": [
            (device.name, tf.config.experimental.get_device_details(device))
            for device in devices
        ],
        "logical devices": [d.name for d in tf.config.list_logical_devices()],
        "placed": (
            context.context().device_name,
            tf.config.get_soft_device_placement(),
        ),
        "optimizer": tf.config.optimizer.get_experimental_options(),
        "xla": tf.config.optimizer.get_jit(),
        "types": (
            ops.is_auto_dtype_conversion_enabled(),
            ops.is_numpy_style_type_promotion(),
        ),
        "short products": tensor_float_32_execution_enabled(),
        "environment": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith(_VARIABLES) and not name.startswith(_OF_LOGS)
        },
    }


def streams() -> tuple[Any, ...]:
    """Returns how far the random numbers of Python and NumPy have got.

    A trace that draws some is of this run alone.
    """
    name, numbers, *others = np.random.get_state()  # noqa: NPY002
    return random.getstate(), name, numbers.tobytes(), *others


def _installed() -> Iterator[str]:
    """Yields the folders that tell name and version of what is installed."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                yield name


def _others() -> Iterator[tuple[str, str]]:
    """Yields name and hash of what is neither ours nor installed."""
    for name, module in list(sys.modules.items()):
        top = name.split(".")[0]
        if top == OURS or top.startswith(_GENERATED) or is_library(name):
            continue
        file = getattr(module, "__file__", None)
        if name == "__main__" and file is None:
            if "-c" not in sys.orig_argv:
                raise NotKnown("a session in which anything was typed")
            yield name, repr(sys.orig_argv)
        elif file is not None:
            path = pathlib.Path(file)
            if not any(path.is_relative_to(door) for door in _DOORS):
                yield name, _hash(path)


@functools.cache
def _hash(path: pathlib.Path) -> str:
    try:
        status = path.stat()
        if max(status.st_mtime, status.st_ctime) > _BEGUN:
            raise NotKnown(f"{path}, which has been written anew meanwhile")
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise NotKnown(f"{path}, which is not there any more") from error
