"""A caller of the library whose process must be as it was afterwards."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework import config as framework_config

POLICY = "mixed_float16"


def draws() -> dict[str, float]:
    """Returns a number of each global generator."""
    return {
        "random": random.random(),
        "numpy": np.random.random(),  # noqa: NPY002
        "tensorflow": float(tf.random.normal([])),
        "keras": float(keras.random.normal([])),
    }


def settings() -> dict[str, object]:
    """Returns the settings of the process that are no generators'."""
    return {
        "policy": keras.config.dtype_policy().name,
        "deterministic": framework_config.is_op_determinism_enabled(),
        "optimizer": tf.config.optimizer.get_experimental_options(),
    }


@contextlib.contextmanager
def watched() -> Iterator[dict[str, tuple[object, object]]]:
    """Runs a block in the process of a caller who has settings of his own.

    Yields:
        What is filled at the end, also after an error: the name of each
        setting and generator that is not as it was, to what was expected
        and what was found. A generator must give its next number.
    """
    policy = keras.config.dtype_policy()
    keras.utils.set_random_seed(7)
    draws()
    wanted, changes = draws(), {}
    keras.utils.set_random_seed(7)
    draws()
    keras.config.set_dtype_policy(POLICY)
    before = settings()
    try:
        yield changes
    finally:
        found = {**settings(), **draws()}
        keras.config.set_dtype_policy(policy)
        for name, value in {**before, **wanted}.items():
            if found[name] != value:
                changes[name] = value, found[name]
