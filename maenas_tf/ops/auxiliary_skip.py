"""The edge of DARTS-: a mixed operation and an auxiliary skip path."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.source import SourceNode, Term

SKIP = "skip_connect"


class AuxiliarySkipOp(MixedOp):
    """All candidates of one edge and a skip that is none of them.

    o(x) = sum_k a_k op_k(x) + beta skip(x)

    Where a candidate is the identity and so is the path, both are one term:
    (a_k + beta) x.

    Args: as `MixedOp`, and
        beta: scalar variable, the weight of the path.
    """

    def __init__(self, *args, beta: keras.Variable, **kwargs):
        super().__init__(*args, **kwargs)
        self.beta = beta
        identities = [
            index
            for index, candidate in enumerate(self.candidates)
            if candidate.name == SKIP and candidate.is_identity
        ]
        self.identity = identities[0] if identities else None
        if self.identity is None:
            self.auxiliary = self.make_candidate(SKIP)

    def build(self, input_shape):
        super().build(input_shape)
        if self.identity is None:
            # A candidate may have the same name.
            with keras.name_scope("auxiliary"):
                self.auxiliary.build(input_shape)

    def terms(
        self,
        source: SourceNode,
        weights: Sequence[tf.Tensor],
        training: bool = False,
    ) -> list[Term]:
        """Returns the summands of `MixedOp.terms` and that of the path."""
        beta = tf.convert_to_tensor(self.beta)
        if self.identity is not None:
            weights = list(weights)
            weights[self.identity] += beta
            return super().terms(source, weights, training)
        terms = super().terms(source, weights, training)
        return [*terms, self.auxiliary.term(source, beta, training)]
