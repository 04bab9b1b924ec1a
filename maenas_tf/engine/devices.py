"""Devices, replicas and what the runtime is told before a run."""

from __future__ import annotations

import random
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

# What holds where there is no strategy has no public name.
from tensorflow.python.distribute import distribute_lib

from maenas_tf.config import ConfigError, RuntimeSettings

Strategy = tf.distribute.Strategy


def configure_runtime(config: RuntimeSettings) -> None:
    """Sets seed, precision, determinism and the graph optimizer.

    Grappler is switched off: on these graphs of several ten thousand small
    operations it takes longer than tracing (the 8-cell darts supernet's first
    step on two cores: 34 s with, 12 s without) and steps are no faster for
    it. All of this is the whole process's: enter an `OwnRuntime` first.
    """
    set_seeds(config.seed)
    precision = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
    keras.mixed_precision.set_global_policy(precision[config.precision])
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": True}
    )


def set_seeds(seed: int) -> None:
    """Seeds the generators of Python, NumPy and TensorFlow.

    Keras draws the seeds of initializers and layers from Python's. Its global
    generator, which nothing here draws from, is left to the caller: it could
    not be given back, as `keras.utils.set_random_seed` drops it.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    tf.random.set_seed(seed)


def present_strategy() -> Strategy:
    """Returns the strategy in whose scope the caller is, or one device."""
    return tf.distribute.get_strategy()


def is_default(strategy: Strategy) -> bool:
    """Returns whether a strategy is none, but one device as it comes."""
    return strategy is distribute_lib._get_default_strategy()


def divide_cpu(count: int) -> None:
    """Divides the CPU into logical devices, before TensorFlow starts.

    Where it has started already nothing happens, and who makes a strategy
    reports what is missing.
    """
    (cpu,) = tf.config.list_physical_devices("CPU")
    part = tf.config.LogicalDeviceConfiguration
    try:
        tf.config.set_logical_device_configuration(
            cpu, [part() for _ in range(count)]
        )
    except RuntimeError:
        return


def check_gpus(wanted: int, found: int) -> None:
    """Raises ConfigError if there are fewer GPUs than replicas."""
    if wanted > found:
        raise ConfigError(
            f"--num_replicas={wanted} is more than the {found} GPU(s) of this "
            f"machine; give a number up to that."
        )


def check_divided(count: int) -> None:
    """Raises ConfigError if the CPU has fewer parts than replicas."""
    if len(tf.config.list_logical_devices("CPU")) < count:
        raise ConfigError(
            f"--num_replicas={count} needs {count} logical CPU devices, which "
            f"must be made before TensorFlow starts; start a new process and "
            f"call divide_cpu({count}) first."
        )


def find_unequal(
    strategy: Strategy, variables: Iterable[keras.Variable]
) -> list[str]:
    """Returns the paths of variables whose replicas are not bit-identical."""
    unequal = []
    if strategy.num_replicas_in_sync == 1:
        return unequal
    for variable in variables:
        first, *others = (
            value.numpy().tobytes()
            for value in strategy.experimental_local_results(variable.value)
        )
        if any(other != first for other in others):
            unequal.append(variable.path)
    return unequal
