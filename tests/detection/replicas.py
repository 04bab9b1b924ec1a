"""Trains a detector with 1 and with 2 replicas; run by retinanet_test.py.

    python -m tests.detection.replicas FILE

In a process of its own, because the CPU can be divided into logical devices
only before TensorFlow starts. All boxes are in the images of one replica: what
it alone divides by is not what the whole batch does.
"""

from __future__ import annotations

import sys

import numpy as np
import tensorflow as tf

from maenas_tf.config import DeviceSettings
from maenas_tf.detection.trainer import DetectorTrainer
from maenas_tf.engine.devices import divide_cpu, find_unequal
from maenas_tf.engine.optimization import SGD
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.engine.strategies import make_strategy
from tests.detection.detectors import SIZE, make_detector

BATCH, STEPS = 4, 2


def run(replicas: int) -> tuple[dict[str, np.ndarray], list[str]]:
    """Returns the values after a few steps by path, and unequal paths."""
    rng = np.random.default_rng(0)
    count = BATCH * STEPS
    boxes = np.full((count, 2, 4), -1, np.float32)
    classes = np.full((count, 2), -1, np.float32)
    for step in range(STEPS):
        boxes[step * BATCH, 0] = (4, 6, 16, 18)
        boxes[step * BATCH, 1] = (14, 12, 30, 24)
        classes[step * BATCH] = (0, 1)
        boxes[step * BATCH + 1, 0] = (8, 8, 20, 20)
        classes[step * BATCH + 1, 0] = 1
    dataset = tf.data.Dataset.from_tensor_slices(
        {
            "image": rng.normal(size=(count, SIZE, SIZE, 3)).astype(np.float32),
            "boxes": boxes,
            "classes": classes,
        }
    ).batch(BATCH)
    name = "mirrored" if replicas > 1 else "one_device"
    strategy = make_strategy(
        DeviceSettings(
            strategy=name, num_replicas=replicas if replicas > 1 else 0
        )
    )
    with strategy.scope():
        # No clip: a loss of another scale is not to be hidden by it.
        trainer = DetectorTrainer(make_detector(), 1e-4, clip_norm=0.0)
        trainer.compile(SGD(0.1, 0.9, name="optimizer"))
    if replicas > 1:
        dataset = strategy.experimental_distribute_dataset(dataset)
    if replicas:
        StepRunner(trainer, strategy)(iter(dataset), STEPS)
    variables = trainer.variables
    values = {v.path: v.value.numpy() for v in variables}
    return values, find_unequal(strategy, variables)


def main(path: str) -> None:
    """Trains with each number of replicas and writes the results."""
    divide_cpu(2)
    # It takes longer than the steps.
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": True}
    )
    results, unequal = {}, []
    for replicas in (0, 1, 2):
        values, unequal = run(replicas)
        results.update({f"{replicas}/{k}": v for k, v in values.items()})
    np.savez(path, unequal=np.array(unequal, np.str_), **results)


if __name__ == "__main__":
    main(sys.argv[1])
