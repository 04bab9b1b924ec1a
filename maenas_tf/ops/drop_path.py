"""Drop-path: whole operations left out at random, sample by sample."""

from __future__ import annotations

import keras
import tensorflow as tf

from maenas_tf.ops.replica import num_replicas, replica_id


class DropPath:
    """Drop-path as a function of a feature map, with what it needs.

    Args:
        rate: scalar variable.
        seed: of the draws.

    Attributes:
        variables: that a call reads or changes.
    """

    def __init__(self, rate: keras.Variable, seed: keras.random.SeedGenerator):
        self.rate = rate
        self.seed = seed
        self.variables = [rate, seed.state]

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return drop_path(x, self.rate, self.seed)


def drop_path(
    x: tf.Tensor, rate: tf.Tensor, seed: keras.random.SeedGenerator
) -> tf.Tensor:
    """Zeroes samples with probability `rate`, rescaling the others.

    y = x * keep / (1 - rate), keep ~ Bernoulli(1 - rate) for each sample
    (Larsson et al., "FractalNet", 2017, as the DARTS reference applies it).

    Every replica draws for the global batch and takes its own part, so that
    the number of replicas does not change the result.

    Args:
        x: [B, H, W, C].
        rate: scalar in [0, 1).
        seed: its state is a variable, so that checkpoints hold it.

    Returns:
        Like x.
    """
    rate = tf.convert_to_tensor(rate)
    count = tf.shape(x)[0]
    draws = keras.random.uniform((count * num_replicas(), 1, 1, 1), seed=seed)
    begin = count * replica_id()
    draws = draws[begin : begin + count]
    keep = tf.cast(draws >= rate, x.dtype)
    return x * keep / tf.cast(1.0 - rate, x.dtype)
