"""The edge of PC-DARTS: a mixed operation of a part of the channels."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.source import Parts, SourceNode, Term


class PartialChannelsOp(MixedOp):
    """All candidates of one edge, on the first C / K channels.

    o(x) = b shuffle([sum_k a_k op_k(x_first), bypass(x_rest)])

    The bypass is the identity, at stride 2 a 2x2 max pooling. The weights
    that an edge is given are b a_k, of which b is the sum, as the a_k add up
    to 1. The shuffle lets the channels of the K parts take turns, so that the
    next edge does not find the same ones in front; it is that of the node.

    Args: as `MixedOp`, and
        parts: K; 1 is `MixedOp`.

    Raises:
        ConfigError: K does not divide the channels.
    """

    def __init__(
        self,
        primitives: Sequence[str],
        channels: int,
        *args,
        parts: int,
        **kwargs,
    ):
        if channels % parts:
            raise ConfigError(
                f"--partial_channels={parts} does not divide the {channels} "
                f"channels of a cell; give a divisor of --init_channels."
            )
        super().__init__(primitives, channels // parts, *args, **kwargs)
        self.parts = parts

    def build(self, input_shape):
        super().build((*input_shape[:-1], input_shape[-1] // self.parts))

    def terms(
        self,
        source: SourceNode,
        weights: Sequence[tf.Tensor],
        training: bool = False,
    ) -> list[Term]:
        """Returns the edge's output, one summand that is to be shuffled.

        Args: as `MixedOp.terms`, the weights b a_k.
        """
        if self.parts == 1:
            return super().terms(source, weights, training)
        width = self.channels
        first = source.branch(
            ("first channels", width), lambda x: SourceNode(x[..., :width])
        )
        rest = source.branch(("bypass", width, self.stride), self._bypass)
        scale = tf.add_n([tf.reshape(w, [-1])[0] for w in weights])
        bypass = rest * tf.cast(scale, rest.dtype)
        heads = [w[:width] if w.shape.rank else w for w in weights]
        computed = super().terms(first, heads, training)
        return [Parts(width, computed, bypass)]

    def _bypass(self, x: tf.Tensor) -> tf.Tensor:
        rest = x[..., self.channels :]
        if self.stride == 1:
            return rest
        return tf.nn.max_pool2d(rest, 2, 2, "SAME")
