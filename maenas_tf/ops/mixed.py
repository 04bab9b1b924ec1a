"""The mixed operation on an edge of the search cell."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from maenas_tf.ops.primitives import make_primitive
from maenas_tf.ops.source import SourceNode, Term, add_terms


class MixedOp(keras.layers.Layer):
    """All candidates of one edge, weighted and summed (DARTS, equation 2).

    o(x) = sum_k a_k op_k(x)

    `terms` returns the summands, so that a node can add those of all its
    edges at once. The term of `none` is zero and never computed.

    Args:
        primitives: names of the K candidates.
        channels: C, of input and output.
        stride: 1 or 2.
        family: the space's skeleton (see `make_primitive`).
    """

    def __init__(
        self,
        primitives: Sequence[str],
        channels: int,
        stride: int,
        family: str = "",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.primitives = tuple(primitives)
        self.channels = channels
        self.stride = stride
        self.family = family
        self.candidates = [
            make_primitive(name, channels, stride, True, family)
            for name in self.primitives
        ]

    def build(self, input_shape):
        for candidate in self.candidates:
            candidate.build(input_shape)
        self.built = True

    def terms(
        self,
        source: SourceNode,
        weights: Sequence[tf.Tensor],
        training: bool = False,
    ) -> list[Term]:
        """Returns the summands a_k op_k(x), without those of `none`.

        Args:
            source: holds x, [B, H, W, C].
            weights: a_k in the order of `primitives`, each a scalar or, C
                times the same, [C].
            training: passed on to the candidates.
        """
        return [
            candidate.term(source, weight, training)
            for name, candidate, weight in zip(
                self.primitives, self.candidates, weights, strict=True
            )
            if name != "none"
        ]

    def call(self, x, weights, training=False):
        """Returns sum_k a_k op_k(x) for x [B, H, W, C], weights [K]."""
        weights = tf.unstack(
            tf.convert_to_tensor(weights), len(self.primitives)
        )
        return add_terms(self.terms(SourceNode.of(x), weights, training))

    def get_config(self):
        return {
            **super().get_config(),
            "primitives": self.primitives,
            "channels": self.channels,
            "stride": self.stride,
            "family": self.family,
        }
