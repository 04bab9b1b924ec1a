"""A node's value, with the parameter-free work on it done once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import tensorflow as tf

from maenas_tf.ops.constants import shared_constant
from maenas_tf.ops.probe import add_n, apply, note, relu, split


class Phases(NamedTuple):
    """A [B, H, W, C] tensor apart by the parity of row and column.

    A convolution of dilation 2 never mixes the four, so that it is an
    undilated one of each; pointwise convolution and the batch's statistics do
    not see the order of pixels. A dilated branch is thus computed apart from
    its first to its last step, exactly, and a node puts the sum of all its
    dilated branches together once.

    Args:
        value: [4B, H/2, W/2, C]; even rows and columns first, odd ones last.
    """

    value: tf.Tensor

    @classmethod
    def split(cls, x: tf.Tensor) -> Phases:
        """Takes [B, H, W, C] apart, H and W even."""
        return cls(note(_split(x), [x], lambda upstream: [_merge(upstream)]))

    def merge(self) -> tf.Tensor:
        """Returns [B, H, W, C]."""
        x = self.value
        return note(_merge(x), [x], lambda upstream: [_split(upstream)])


def _split(x: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.SpaceToBatchND(
        input=x,
        block_shape=shared_constant(2, (2,), tf.int32),
        paddings=shared_constant(0, (2, 2), tf.int32),
    )


def _merge(x: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.BatchToSpaceND(
        input=x,
        block_shape=shared_constant(2, (2,), tf.int32),
        crops=shared_constant(0, (2, 2), tf.int32),
    )


class Parts:
    """The first C / K channels of an edge's output and the others, unshuffled.

    In a node's value the channels of its K parts take turns. As all edges of
    the node are shuffled alike, the sum is shuffled once.

    Args:
        width: C / K.
        first: terms of [B, H, W, C / K].
        rest: [B, H, W, C - C / K].
    """

    def __init__(
        self,
        width: int,
        first: Sequence[tf.Tensor | Phases],
        rest: tf.Tensor,
    ):
        self.width = width
        self.first = list(first)
        self.rest = rest

    @staticmethod
    def merge(each: Sequence[Parts]) -> tf.Tensor:
        """Returns the shuffled sum of several edges, [B, H, W, C].

        Channel i of part p stands at place K i + p.
        """
        width = each[0].width
        rest = tf.add_n([parts.rest for parts in each])
        terms = [term for parts in each for term in parts.first]
        first = add_terms(terms) if terms else tf.zeros_like(rest[..., :width])
        x = tf.concat([first, rest], -1)
        shape = tf.shape(x)
        split = tf.concat([shape[:-1], [x.shape[-1] // width, width]], 0)
        swapped = tf.linalg.matrix_transpose(tf.reshape(x, split))
        shuffled = tf.reshape(swapped, shape)
        shuffled.set_shape(x.shape)
        return shuffled


Term = tf.Tensor | Phases | Parts


class SourceNode:
    """The value of a node as its outgoing edges see it.

    Many candidates on many edges begin with the same parameter-free step on
    the same tensor: ReLU, a pooling, a subsampling. Each is computed at its
    first use and shared by all edges that leave the node, which is exact.

    Args:
        value: [B, H, W, C].
    """

    def __init__(self, value: tf.Tensor):
        self.value = value
        self._branches: dict[Hashable, tf.Tensor | Phases] = {}

    @classmethod
    def of(cls, x: SourceNode | tf.Tensor) -> SourceNode:
        """Wraps a tensor; a node is returned as it is."""
        return x if isinstance(x, SourceNode) else cls(x)

    def branch(
        self, key: Hashable, compute: Callable[[tf.Tensor], tf.Tensor]
    ) -> tf.Tensor:
        """Returns compute(value), computed once per `key`."""
        if key not in self._branches:
            self._branches[key] = compute(self.value)
        return self._branches[key]

    @property
    def relu(self) -> tf.Tensor:
        """The rectified value."""
        return self.branch("relu", relu)

    @property
    def has_phases(self) -> bool:
        """Whether height and width are even."""
        return not (self.value.shape[1] % 2 or self.value.shape[2] % 2)

    @property
    def relu_phases(self) -> Phases:
        """The rectified value taken apart; odd sizes get a row, a column."""
        return self.branch("relu phases", self._split_relu)

    def _split_relu(self, value: tf.Tensor) -> Phases:
        x, rows, columns = self.relu, value.shape[1] % 2, value.shape[2] % 2
        if rows or columns:
            more = [[0, 0], [0, rows], [0, columns], [0, 0]]
            x = apply(lambda x: tf.pad(x, more), x)
        return Phases.split(x)

    @property
    def relu_subsampled(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Every second pixel of the rectified value: even ones, odd ones.

        Both [B, ceil(H/2), ceil(W/2), C]; beyond an odd size stands 0.
        """
        return self.branch("relu subsampled", self._subsample_relu)

    def _subsample_relu(self, value: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        even, _, _, odd = split(self.relu_phases.value, 4)
        return even, odd


def add_terms(terms: Sequence[Term]) -> tf.Tensor:
    """Returns the sum of a node's terms, [B, H, W, C]."""
    whole = [t for t in terms if not isinstance(t, (Phases, Parts))]
    apart = [term.value for term in terms if isinstance(term, Phases)]
    parted = [term for term in terms if isinstance(term, Parts)]
    if apart:
        whole.append(Phases(add_n(apart)).merge())
    if parted:
        whole.append(Parts.merge(parted))
    return add_n(whole)
