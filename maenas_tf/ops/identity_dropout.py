"""The edge of P-DARTS: a mixed operation that drops parts of its skip."""

from __future__ import annotations

import keras
import tensorflow as tf

from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.primitives import SkipConnect
from maenas_tf.ops.replica import num_replicas, replica_id
from maenas_tf.ops.sharing import stream_of


class IdentityDropout(SkipConnect):
    """The identity; while training, each number is zeroed with probability r.

    The others are divided by 1 - r. The draws are a function of the layer's
    path and of how often it was called, a counter that checkpoints hold. Every
    replica draws for the global batch and takes its own part, so that their
    number does not change the result.

    Attributes:
        rate: scalar variable, r in [0, 1); given before the first call.
    """

    draws = True
    rate: keras.Variable

    def build(self, input_shape):
        super().build(input_shape)
        self.calls = self.add_weight(
            name="calls",
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )

    def finish(self, begun, weight, training=False):
        x = self._dropped(begun) if training else begun
        return super().finish(x, weight, training)

    def _dropped(self, x: tf.Tensor) -> tf.Tensor:
        calls = tf.convert_to_tensor(self.calls)
        count = tf.shape(x)[0]
        draws = tf.random.stateless_uniform(
            tf.concat([[count * num_replicas()], tf.shape(x)[1:]], 0),
            tf.stack([stream_of(self), calls]),
        )
        begin = count * replica_id()
        self.calls.assign(calls + 1)
        rate = tf.convert_to_tensor(self.rate)
        keep = tf.cast(draws[begin : begin + count] >= rate, x.dtype)
        return x * keep / tf.cast(1.0 - rate, x.dtype)


class IdentityDropoutOp(MixedOp):
    """All candidates of one edge, with dropout on the identity.

    Args: as `MixedOp`, and
        rate: scalar variable, that of the dropout.
    """

    def __init__(self, *args, rate: keras.Variable, **kwargs):
        super().__init__(*args, **kwargs)
        for candidate in self.candidates:
            if isinstance(candidate, IdentityDropout):
                candidate.rate = rate

    def make_candidate(self, name):
        if name == "skip_connect" and self.stride == 1:
            return IdentityDropout(self.channels, self.stride, name=name)
        return super().make_candidate(name)
