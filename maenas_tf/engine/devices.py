"""Devices, replicas and what the runtime is told before a run."""

from __future__ import annotations

import random
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

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


def make_strategy(name: str, num_replicas: int = 0) -> Strategy:
    """Makes the distribution strategy.

    Args:
        name: "one_device"; "mirrored", one replica a GPU, or logical devices
            of the CPU where there is no GPU; "auto", mirrored with several
            GPUs and one device otherwise.
        num_replicas: of "mirrored"; 0 means all GPUs.

    Raises:
        ConfigError: there are fewer devices than replicas, or TensorFlow is
            running already and cannot divide the CPU any more.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if name == "auto":
        name = "mirrored" if len(gpus) > 1 else "one_device"
    if name == "one_device":
        return present_strategy()
    if gpus:
        count = num_replicas or len(gpus)
        if count > len(gpus):
            raise ConfigError(
                f"--num_replicas={count} is more than the {len(gpus)} GPU(s) "
                f"of this machine; give a number up to that."
            )
        return tf.distribute.MirroredStrategy(
            [f"GPU:{index}" for index in range(count)]
        )
    if not num_replicas:
        raise ConfigError(
            "--strategy=mirrored found no GPU; give --num_replicas=N for N "
            "logical CPU devices, or use --strategy=one_device."
        )
    return _mirrored_on_cpu(num_replicas)


def _mirrored_on_cpu(count: int) -> Strategy:
    if len(tf.config.list_logical_devices("CPU")) < count:
        raise ConfigError(
            f"--num_replicas={count} needs {count} logical CPU devices, which "
            f"must be made before TensorFlow starts; start a new process and "
            f"call divide_cpu({count}) first."
        )
    return tf.distribute.MirroredStrategy(
        [f"CPU:{index}" for index in range(count)]
    )


def divide_cpu(count: int) -> None:
    """Divides the CPU into logical devices, before TensorFlow starts.

    Where it has started already nothing happens, and `make_strategy` reports
    what is missing.
    """
    (cpu,) = tf.config.list_physical_devices("CPU")
    part = tf.config.LogicalDeviceConfiguration
    try:
        tf.config.set_logical_device_configuration(
            cpu, [part() for _ in range(count)]
        )
    except RuntimeError:
        return


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
