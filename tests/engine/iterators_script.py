"""Times how long it takes to give up iterators; run by iterators_test.py.

    python -m tests.engine.iterators_script REPLICAS

In a process of its own, because the CPU can be divided into logical devices
only before TensorFlow starts. Prints the median in seconds.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import tensorflow as tf

from maenas_tf.config import DeviceSettings
from maenas_tf.engine.iterators import iterate
from maenas_tf.engine.strategies import make_strategy

TIMES, SECONDS = 5, 1.5


def make(context: object = None) -> tf.data.Dataset:
    """Returns a dataset that TensorFlow would tune."""
    del context
    dataset = tf.data.Dataset.range(10**9)
    dataset = dataset.map(tf.math.square, tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def seconds_to_give_up(strategy: tf.distribute.Strategy) -> float:
    """Returns how long it takes after so many seconds of batches."""
    iterator = iterate(strategy, make)
    begin = time.monotonic()
    while time.monotonic() < begin + SECONDS:
        next(iterator)
    begin = time.monotonic()
    del iterator
    return time.monotonic() - begin


def main(replicas: int) -> None:
    """Times it and prints the median."""
    settings = {"strategy": "one_device"}
    if replicas > 1:
        settings = {"strategy": "mirrored", "num_replicas": replicas}
    strategy = make_strategy(DeviceSettings(**settings, batch_size=replicas))
    print(np.median([seconds_to_give_up(strategy) for _ in range(TIMES)]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
