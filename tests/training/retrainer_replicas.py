"""Trains with 1 and with 2 replicas; run by retrainer_test.py.

    python -m tests.training.retrainer_replicas FILE

It runs in a process of its own, because the CPU can be divided into logical
devices only before TensorFlow starts. In double precision, where what is left
of rounding is too small to be taken for a mistake.
"""

from __future__ import annotations

import sys

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.engine.devices import divide_cpu, find_unequal, make_strategy
from maenas_tf.engine.optimization import SGD
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.models.network import Network
from maenas_tf.training.retrainer import Retrainer

BATCH, STEPS = 8, 2
GENOTYPE = (
    "|nor_conv_1x1~0|+|avg_pool_3x3~0|none~1|+|skip_connect~0|none~1|"
    "nor_conv_3x3~2|"
)


def run(replicas: int) -> tuple[dict[str, np.ndarray], list[str]]:
    """Returns the values after a few steps by path, and unequal paths."""
    rng = np.random.default_rng(0)
    count = BATCH * STEPS
    dataset = tf.data.Dataset.from_tensor_slices(
        {
            "image": rng.normal(size=(count, 32, 32, 3)),
            "label": rng.integers(0, 10, count).astype(np.int32),
        }
    ).batch(BATCH)
    keras.utils.set_random_seed(0)
    name = "mirrored" if replicas > 1 else "one_device"
    strategy = make_strategy(name, replicas if replicas > 1 else 0)
    with strategy.scope():
        network = Network(GENOTYPE, 10, 2, 1, drop_path=True)
        # A clip far below the gradient's norm.
        retrainer = Retrainer(network, 0.01, 0.5, 0.0, 0.1)
        retrainer.compile(SGD(0.05, 0.9))
        network.drop_path_rate.assign(0.4)
    if replicas > 1:
        dataset = strategy.experimental_distribute_dataset(dataset)
    StepRunner(retrainer, strategy)(iter(dataset), STEPS)
    variables = retrainer.variables
    values = {v.path: v.value.numpy() for v in variables}
    return values, find_unequal(strategy, variables)


def main(path: str) -> None:
    """Trains with each number of replicas and writes the results."""
    divide_cpu(2)
    keras.config.set_floatx("float64")
    results = {}
    for replicas in (1, 2):
        values, unequal = run(replicas)
        results.update({f"{replicas}/{k}": v for k, v in values.items()})
    np.savez(path, unequal=np.array(unequal, np.str_), **results)


if __name__ == "__main__":
    main(sys.argv[1])
