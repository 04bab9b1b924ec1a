"""A node's value, with the parameter-free work on it done once."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import tensorflow as tf


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
        self._branches: dict[Hashable, tf.Tensor] = {}

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
        return self.branch("relu", tf.nn.relu)
