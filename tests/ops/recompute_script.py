"""The peak of memory of a deep function's gradient; run by recompute_test.py.

    python -m tests.ops.recompute_script

It runs in a process of its own, because the peak is that of a process. It
prints the peaks above what TensorFlow takes idle, in MB: recomputed, without
and with Grappler, then plain.
"""

from __future__ import annotations

import tensorflow as tf

from maenas_tf.engine.runtime import memory_mb
from maenas_tf.ops.recompute import recompute

BLOCKS, LENGTH, MEGABYTES = 12, 8, 4


def block(x: tf.Tensor) -> tf.Tensor:
    """Returns a function of x that keeps `LENGTH` tensors like x."""
    for _ in range(LENGTH):
        x = tf.sin(x)
    return x


def make(recomputed: bool, grappler: bool):
    """Returns a graph of the gradient of a chain of blocks, run once."""
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": not grappler}
    )

    @tf.function(input_signature=[tf.TensorSpec([None])])
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in range(BLOCKS):
                y = recompute(block, [y], []) if recomputed else block(y)
            total = tf.reduce_sum(y)
        return tf.reduce_sum(tape.gradient(total, x))

    gradient(tf.zeros([1]))
    return gradient


def main() -> None:
    """Prints the peaks, the highest last."""
    gradients = [make(True, False), make(True, True), make(False, False)]
    idle = peak()
    for gradient in gradients:
        gradient(tf.ones([MEGABYTES << 18]))
        print(peak() - idle)


def peak() -> float:
    """Returns the process's peak so far, in MB."""
    return memory_mb("VmHWM")


if __name__ == "__main__":
    main()
