"""Trains and pretrains with 1 and 2 replicas; run by retrainer_test.py.

    python -m tests.training.retrainer_replicas FILE

It runs in a process of its own, because the CPU can be divided into logical
devices only before TensorFlow starts. In double precision, where what is left
of rounding is too small to be taken for a mistake.
"""

from __future__ import annotations

import itertools
import sys

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.config import DeviceSettings
from maenas_tf.engine.devices import Strategy, divide_cpu, find_unequal
from maenas_tf.engine.optimization import SGD
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.engine.strategies import make_strategy
from maenas_tf.models.network import Network
from maenas_tf.models.task_network import TaskNetwork
from maenas_tf.skeletons.plan import PLAIN_HEAD
from maenas_tf.spaces import SPACES, load_genotype
from maenas_tf.tasks.objective import build_task
from maenas_tf.training.config import PretrainConfig
from maenas_tf.training.pretrainer import Pretrainer
from maenas_tf.training.retrainer import Retrainer

BATCH, STEPS = 8, 2
GENOTYPE = (
    "|nor_conv_1x1~0|+|avg_pool_3x3~0|none~1|+|skip_connect~0|none~1|"
    "nor_conv_3x3~2|"
)


def make_retrainer() -> Retrainer:
    """Returns a training with drop-path."""
    network = Network(GENOTYPE, 10, 2, 1, drop_path=True)
    network.drop_path_rate.assign(0.4)
    # A clip far below the gradient's norm.
    return Retrainer(network, 0.01, 0.5, 0.0, 0.1)


def make_pretrainer() -> Pretrainer:
    """Returns a pretraining whose masked patches have a learned colour."""
    config = PretrainConfig(mask_fill="token", init_channels=2)
    task = build_task(config, SPACES.get("nasbench201"), 32)
    head = task.build_head(PLAIN_HEAD)
    genotype = load_genotype(GENOTYPE)
    network = TaskNetwork(genotype, 2, 1, head, search=False)
    return Pretrainer(network, task, 0.01, 0.5)


def make_batches(pretrains: bool) -> dict[str, np.ndarray]:
    """Returns the examples of all steps."""
    rng = np.random.default_rng(0)
    count = BATCH * STEPS
    images = rng.normal(size=(count, 32, 32, 3))
    if not pretrains:
        labels = rng.integers(0, 10, count).astype(np.int32)
        return {"image": images, "label": labels}
    # The same number in each image, as the task has it.
    mask = np.tile(rng.permutation(16) < 12, (count, 1))
    mask = mask.reshape(-1, 4, 4).astype(np.float32)
    # A task computes its loss in single precision, as a user's run does.
    return {"input": images, "target": images.astype(np.float32), "mask": mask}


def run(
    strategy: Strategy, pretrains: bool
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Returns the values after a few steps by path, and unequal paths."""
    batches = make_batches(pretrains)
    dataset = tf.data.Dataset.from_tensor_slices(batches).batch(BATCH)
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = make_pretrainer() if pretrains else make_retrainer()
        model.compile(SGD(0.05, 0.9))
    if strategy.num_replicas_in_sync > 1:
        dataset = strategy.experimental_distribute_dataset(dataset)
    StepRunner(model, strategy)(iter(dataset), STEPS)
    variables = model.variables
    values = {v.path: v.value.numpy() for v in variables}
    return values, find_unequal(strategy, variables)


def main(path: str) -> None:
    """Trains with each number of replicas and writes the results."""
    divide_cpu(2)
    keras.config.set_floatx("float64")
    results, unequal = {}, []
    # One of two: a second one's collective operations would meet the first's.
    strategies = (
        make_strategy(DeviceSettings(strategy="one_device")),
        make_strategy(DeviceSettings(strategy="mirrored", num_replicas=2)),
    )
    for strategy, pretrains in itertools.product(strategies, (False, True)):
        replicas = strategy.num_replicas_in_sync
        values, found = run(strategy, pretrains)
        start = f"{replicas}/{'pre' * pretrains}training"
        results.update({f"{start}/{k}": v for k, v in values.items()})
        unequal += found
    np.savez(path, unequal=np.array(unequal, np.str_), **results)


if __name__ == "__main__":
    main(sys.argv[1])
