"""Runs layers with 1 and with 2 replicas; run by replicas_test.py.

    python -m tests.ops.replicas_script FILE

In a process of its own, because the CPU can be divided into logical devices
only before TensorFlow starts. Each replica has its half of the batch; what
they return is put together again.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.config import DeviceSettings
from maenas_tf.engine.devices import divide_cpu
from maenas_tf.engine.strategies import make_strategy
from maenas_tf.ops.auxiliary_skip import AuxiliarySkipOp
from maenas_tf.ops.identity_dropout import IdentityDropoutOp
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.normalization import batch_normalize
from maenas_tf.ops.partial_channels import PartialChannelsOp
from maenas_tf.ops.primitives import make_primitive
from maenas_tf.ops.sharing import SharedFunctions, sharing
from maenas_tf.timing.messages import count_messages
from tests.ops.layers import image

SHAPE = (4, 6, 6, 3)
WIDE = (4, 6, 6, 4)
NAMES = ("skip_connect", "sep_conv_3x3", "max_pool_3x3")
ALL_NAMES = {
    "darts": (
        "skip_connect",
        *(f"{kind}_pool_3x3" for kind in ("max", "avg")),
        *(f"{kind}_conv_{k}x{k}" for kind in ("sep", "dil") for k in (3, 5)),
        "noise",
    ),
    "nasbench201": (
        "skip_connect",
        "nor_conv_1x1",
        "nor_conv_3x3",
        "avg_pool_3x3",
    ),
}


def far_image() -> np.ndarray:
    """Returns an image whose mean is 10,000 times its deviation."""
    return np.float32(1000.0 + 0.1 * image(SHAPE))


def run(
    strategy: tf.distribute.Strategy,
    make: Callable[[], Callable],
    x: np.ndarray,
) -> dict[str, np.ndarray]:
    """Returns what a function says of the whole batch, by name.

    Args:
        strategy: its replicas share the batch. One for all functions: what
            two strategies reduce bears the same numbers.
        make: makes the function, of a part of the batch, in the scope.
        x: the batch.
    """
    parts = tf.split(tf.constant(x), strategy.num_replicas_in_sync)
    with strategy.scope():
        function = make()
    given = strategy.experimental_distribute_values_from_function(
        lambda context: parts[context.replica_id_in_sync_group]
    )
    step = tf.function(lambda: strategy.run(function, [given]))
    graph = step.get_concrete_function().graph
    messages = count_messages(graph, strategy.num_replicas_in_sync)
    return {
        "messages": np.array([messages.count]),
        **{
            name: np.concatenate(strategy.experimental_local_results(value))
            for name, value in step().items()
        },
    }


def make_noise() -> Callable:
    """Returns what draws twice."""
    layer = make_primitive("noise", SHAPE[-1], 2, True)
    layer.build(SHAPE)
    return lambda x: {"first": layer.call(x), "second": layer.call(x)}


def make_edge(kind: str, stride: int) -> Callable:
    """Returns what computes an edge, and its gradients, of its replica's part.

    Gradients in the variables are shares, which are to be added up.
    """
    keras.utils.set_random_seed(0)
    number = keras.Variable(0.3, trainable=False)
    make = {
        "pc_darts": functools.partial(PartialChannelsOp, parts=2),
        "darts_minus": functools.partial(AuxiliarySkipOp, beta=number),
        "p_darts": functools.partial(IdentityDropoutOp, rate=number),
    }.get(kind, MixedOp)
    names = ALL_NAMES.get(kind, NAMES)
    family = kind if kind in ALL_NAMES else "darts"
    edge = make(names, WIDE[-1], stride, family, name=kind)
    edge.build((None, *WIDE[1:]))
    functions = SharedFunctions()

    def call(x: tf.Tensor) -> dict[str, tf.Tensor]:
        weights = tf.nn.softmax(tf.range(len(names), dtype=tf.float32) / 3.0)
        values = [v.value for v in edge.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch([x, weights])
            with sharing(functions):
                y = edge(x, weights, training=True)
            loss = tf.reduce_sum(tf.square(y) * tf.nn.sigmoid(y))
        inner, *shares = tape.gradient(loss, [x, weights, *values])
        flat = tf.concat([tf.reshape(s, [-1]) for s in shares], 0)
        return {"y": y, "gradient": inner, "shares": flat[tf.newaxis]}

    return call


EDGES = [
    (kind, stride)
    for kind in ("pc_darts", "darts_minus", "p_darts", *ALL_NAMES)
    for stride in (1, 2)
]


def normalize(x: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns normalised images, moments, and a gradient in the images."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y, mean, variance = batch_normalize(x)
        loss = tf.reduce_sum(tf.square(y) * tf.nn.sigmoid(y))
    return {
        "y": y,
        "gradient": tape.gradient(loss, x),
        "mean": mean[tf.newaxis],
        "variance": variance[tf.newaxis],
    }


def main(file: str) -> None:
    """Runs everything with each number of replicas; writes the results."""
    divide_cpu(2)
    results = {}
    for replicas in (1, 2):
        name = "mirrored" if replicas > 1 else "one_device"
        strategy = make_strategy(
            DeviceSettings(
                strategy=name, num_replicas=replicas if replicas > 1 else 0
            )
        )
        zeros = np.zeros(SHAPE, np.float32)
        found = {
            "noise": run(strategy, make_noise, zeros),
            "normalized": run(strategy, lambda: normalize, far_image()),
        }
        for kind, stride in EDGES:
            make = functools.partial(make_edge, kind, stride)
            found[f"{kind} {stride}"] = run(strategy, make, image(WIDE))
        for layer, arrays in found.items():
            for name, array in arrays.items():
                results[f"{replicas}/{layer}/{name}"] = array
    np.savez(file, **results)


if __name__ == "__main__":
    main(sys.argv[1])
