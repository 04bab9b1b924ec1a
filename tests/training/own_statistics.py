"""Steps of 2 replicas that normalise each by itself, and of those that do not.

    python -m tests.training.own_statistics FILE

Run by own_statistics_test.py, in a process of its own, because the CPU can be
divided into logical devices only before TensorFlow starts.
"""

from __future__ import annotations

import sys

import numpy as np
import tensorflow as tf

from maenas_tf.config import DeviceSettings
from maenas_tf.engine.devices import Strategy, divide_cpu, find_unequal
from maenas_tf.engine.optimization import SGD
from maenas_tf.engine.own_runtime import OwnRuntime
from maenas_tf.engine.runtime import start_runtime
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.ops.normalization import BatchNormalization
from maenas_tf.timing.messages import count_messages
from maenas_tf.training.step_model import StepModel

BATCH, CHANNELS = 8, 3


class Normalizer(StepModel):
    """Learns the scale and the offset of one normalisation."""

    def __init__(self):
        super().__init__(0.0, 0.0, "normalizer")
        self.norm = BatchNormalization(True, moving_statistics=True)
        self.norm.build((None, 1, 1, CHANNELS))
        self.built = True

    def losses_and_metrics(self, data):
        y = self.norm(data["x"], training=True)
        losses = tf.reduce_sum(y * data["factor"], [1, 2, 3])
        return losses, {}


def make_batch() -> dict[str, np.ndarray]:
    """Returns numbers whose two halves have other statistics."""
    rng = np.random.default_rng(0)
    x, factor = rng.normal(size=(2, BATCH, 1, 1, CHANNELS))
    x[BATCH // 2 :] = 3.0 * x[BATCH // 2 :] + 2.0
    return {"x": x.astype(np.float32), "factor": factor.astype(np.float32)}


def run(
    sync_statistics: bool, strategy: Strategy | None
) -> tuple[dict[str, np.ndarray], Strategy]:
    """Makes one step.

    Args:
        sync_statistics: the setting.
        strategy: of a step before; None makes one.

    Returns:
        The variables and what was sent, by name, and the strategy.
    """
    config = DeviceSettings(
        strategy="mirrored",
        num_replicas=2,
        batch_size=BATCH,
        sync_statistics=sync_statistics,
    )
    with OwnRuntime():
        strategy = start_runtime(config, strategy)
        with strategy.scope():
            model = Normalizer()
            model.compile(SGD(1.0))
        dataset = tf.data.Dataset.from_tensors(make_batch()).repeat()
        dataset = dataset.unbatch().batch(BATCH, drop_remainder=True)
        iterator = iter(strategy.experimental_distribute_dataset(dataset))
        runner = StepRunner(model, strategy)
        runner(iterator, 1)
        found = {
            **{v.name: v.value.numpy() for v in model.variables},
            "unequal": find_unequal(strategy, model.variables),
            "messages": count_messages(runner.graph(iterator), 2).count,
        }
    return found, strategy


def main(path: str) -> None:
    """Runs both ways and writes the results."""
    divide_cpu(2)
    results, strategy = {}, None
    for sync in (True, False):
        # One of two: a second one's operations would meet the first's.
        found, strategy = run(sync, strategy)
        results.update({f"{sync}/{k}": value for k, value in found.items()})
    np.savez(path, **results)


if __name__ == "__main__":
    main(sys.argv[1])
