"""The mixed operation on an edge of the search cell."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Hashable, Sequence

import keras
import tensorflow as tf

from maenas_tf.ops.joined import joined
from maenas_tf.ops.packing import Pack
from maenas_tf.ops.plain import PLAIN_PRIMITIVES
from maenas_tf.ops.primitive import PRIMITIVES, Primitive
from maenas_tf.ops.primitives import make_primitive
from maenas_tf.ops.recompute import recompute
from maenas_tf.ops.replica import replicas_of_statistics
from maenas_tf.ops.sharing import shared
from maenas_tf.ops.source import SourceNode, Term, add_terms

# Of the candidates: with all exact rewritings, or as they are defined.
IMPLEMENTATIONS = {"fused": PRIMITIVES, "plain": PLAIN_PRIMITIVES}


class MixedOp(keras.layers.Layer):
    """All candidates of one edge, weighted and summed (DARTS, equation 2).

    o(x) = sum_k a_k op_k(x)

    `terms` returns the summands, so that a node can add those of all its
    edges at once. The term of `none` is zero and not computed.

    Args:
        primitives: names of the K candidates.
        channels: of the output; those of the input are told by `build`.
        stride: 1 or 2.
        family: the space's skeleton (see `make_primitive`).
        implementation: of the candidates, "fused" or "plain".

    Attributes:
        shared_from: as many equal edges are worth sharing functions; of 6 the
            start is as long (measured), and a call costs its time.
        packs: stack the weights of convolutions, one variable for each shape;
            plain candidates, Keras' own layers, keep theirs.
        pack: holds them.
        recompute: compute the candidates again for their gradient, which
            keeps what they begin with; given before the first call.
        candidates_spare: whether those that can do so themselves.
    """

    shared_from = 8
    packs = True
    recompute = False
    candidates_spare = True

    def __init__(
        self,
        primitives: Sequence[str],
        channels: int,
        stride: int,
        family: str = "",
        implementation: str = "fused",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.primitives = tuple(primitives)
        self.channels = channels
        self.stride = stride
        self.family = family
        self.implementation = implementation
        self.candidates = [
            self.make_candidate(name) for name in self.primitives
        ]
        self.pack = Pack()

    def make_candidate(self, name: str) -> Primitive:
        """Returns the layer of a primitive name, for this edge."""
        return make_primitive(
            name,
            self.channels,
            self.stride,
            True,
            self.family,
            IMPLEMENTATIONS[self.implementation],
        )

    def build(self, input_shape):
        with self.pack.filling() if self.packs else contextlib.nullcontext():
            for candidate in self.candidates:
                candidate.build(input_shape)
        self.pack.build(self)
        for candidate in self.candidates:
            candidate.recompute = self.recompute and self.candidates_spare
        self.built = True

    def terms(
        self,
        source: SourceNode,
        weights: Sequence[tf.Tensor],
        training: bool = False,
    ) -> list[Term]:
        """Returns the summands a_k op_k(x), without that of `none`.

        Args:
            source: holds x, [B, H, W, C].
            weights: a_k in the order of `primitives`, each a scalar or, C
                times the same, [C].
            training: passed on to the candidates.
        """
        computed = [
            (candidate, weight)
            for candidate, weight in zip(self.candidates, weights, strict=True)
            if candidate.name != "none" or self.implementation == "plain"
        ]
        candidates = [candidate for candidate, _ in computed]
        begun = [candidate.begin(source) for candidate in candidates]
        weights = [weight for _, weight in computed]
        if replicas_of_statistics() > 1 and not self.recompute:
            chains = [
                candidate.links(start, training)
                for candidate, start in zip(candidates, begun, strict=True)
            ]
            if None not in chains:
                share = functools.partial(self._share, training)
                return joined(
                    candidates, chains, begun, weights, training, share
                )
        return shared(
            (*self.kind, training),
            functools.partial(self._finish, candidates, training),
            (begun, weights),
            self.variables,
            self.drawing,
        )

    def _share(self, training, number, compute, inputs):
        """Computes what the candidates do between two messages."""

        def unpacked(*inputs):
            with self.pack.unpacked():
                return compute(*inputs)

        return shared(
            (*self.kind, training, number),
            unpacked,
            inputs,
            self.variables,
            self.drawing,
            sends=False,
        )

    def _finish(self, candidates, training, begun, weights) -> list[Term]:
        """Returns the summands of what the candidates have begun."""
        with self.pack.unpacked():
            return [
                self._finished(candidate, training, start, weight)
                for candidate, start, weight in zip(
                    candidates, begun, weights, strict=True
                )
            ]

    def _finished(self, candidate, training, start, weight) -> Term:
        """Returns a summand; see `recompute`."""
        if not self.recompute or (candidate.recompute and candidate.spares):
            return candidate.finish(start, weight, training)
        form = [start] if weight is None else [start, weight]

        def finish(*given):
            start, *weights = tf.nest.pack_sequence_as(form, given)
            with self.pack.unpacked():
                return candidate.finish(start, *(weights or [None]), training)

        return recompute(finish, tf.nest.flatten(form), self.variables)

    @property
    def kind(self) -> Hashable:
        """What equal edges have in common; see `sharing.shared`."""
        return (
            type(self),
            self.primitives,
            self.channels,
            self.stride,
            self.family,
            self.implementation,
            self.recompute,
        )

    @property
    def drawing(self) -> list[Primitive]:
        """The candidates that draw at random."""
        return [candidate for candidate in self.candidates if candidate.draws]

    def call(self, x, weights, training=False):
        """Returns sum_k a_k op_k(x) for x [B, H, W, C], weights [K]."""
        weights = tf.unstack(
            tf.convert_to_tensor(weights), len(self.primitives)
        )
        return add_terms(self.terms(SourceNode.of(x), weights, training))
