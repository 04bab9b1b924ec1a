"""The distribution strategies, by name; a function makes each.

Another one is a function here and its name in `DeviceSettings.strategy`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import tensorflow as tf

from maenas_tf.config import MULTI_WORKER, ConfigError, DeviceSettings
from maenas_tf.engine import multi_worker
from maenas_tf.engine.devices import (
    Strategy,
    check_divided,
    check_gpus,
    divide_cpu,
    present_strategy,
)
from maenas_tf.registry import Registry

# Of the first device group of each strategy; far more than one has.
_group_keys = itertools.count(0, 1000)


class MirroredStrategy(tf.distribute.MirroredStrategy):
    """TensorFlow's, of which a process may have several, one after another.

    TensorFlow numbers the messages of each from the same start and remembers
    their shapes, so that another network would fail at the first message of
    another shape.

    Args:
        devices: one for each replica.
    """

    def __init__(self, devices: Sequence[str]):
        # No public name sets where it begins to count.
        self._collective_key_base = next(_group_keys)
        super().__init__(devices)


STRATEGIES: Registry[Callable[[DeviceSettings], Strategy]] = Registry(
    "strategy"
)


@STRATEGIES.register("auto")
def _auto(settings: DeviceSettings) -> Strategy:
    """Returns mirrored with several GPUs, one device otherwise."""
    several = len(tf.config.list_physical_devices("GPU")) > 1
    return (_mirrored if several else _one_device)(settings)


@STRATEGIES.register("one_device")
def _one_device(settings: DeviceSettings) -> Strategy:
    del settings
    return present_strategy()


@STRATEGIES.register("mirrored")
def _mirrored(settings: DeviceSettings) -> Strategy:
    """Makes one replica a GPU, or a logical device of the CPU."""
    count = settings.num_replicas
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        check_gpus(count, len(gpus))
        return MirroredStrategy(
            [f"GPU:{index}" for index in range(count or len(gpus))]
        )
    if not count:
        raise ConfigError(
            "--strategy=mirrored found no GPU; give --num_replicas=N for N "
            "logical CPU devices, or use --strategy=one_device."
        )
    if count > 1:
        divide_cpu(count)
    check_divided(count)
    return MirroredStrategy([f"CPU:{index}" for index in range(count)])


@STRATEGIES.register(MULTI_WORKER)
def _multi_worker(settings: DeviceSettings) -> Strategy:
    return multi_worker.strategy_of(settings)


def make_strategy(settings: DeviceSettings) -> Strategy:
    """Makes the distribution strategy that a run asks for.

    Args:
        settings: name it in `strategy`; one function above for each.

    Raises:
        ConfigError: there are fewer devices than replicas, or TensorFlow is
            running already and cannot divide the CPU any more.
    """
    return STRATEGIES.get_for_flag("strategy", settings.strategy)(settings)
