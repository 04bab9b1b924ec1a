"""What every candidate operation is, and where the candidates are listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.ops import convolution
from maenas_tf.ops.normalization import BatchNormalization
from maenas_tf.ops.packing import add_weight
from maenas_tf.ops.source import Phases, SourceNode, Term
from maenas_tf.registry import Registry

# A name to what makes the layer; `primitives.make_primitive` looks them up.
PRIMITIVES: Registry = Registry("primitive")


class Link(NamedTuple):
    """What a candidate computes, and how it is normalised.

    Args:
        compute: takes what the candidate begins with, or what the link before
            has normalised.
        norm: without scale, offset and moving statistics of its own.
    """

    compute: Callable[[Any], tf.Tensor]
    norm: BatchNormalization


class Primitive(keras.layers.Layer):
    """One candidate operation on one edge.

    Args:
        channels: of the output; those of the input are told by `build`.
        stride: 1 or 2.
        search: the search's form (see the module), else the network's.

    Attributes:
        draws: whether it draws at random, by `sharing.stream_of`.
        recompute: compute again for the gradient what lies between; given
            before the first call.
        spares: whether it does so itself, or keeps nothing of its own. What
            does not is computed again as a whole.
    """

    draws = False
    recompute = False
    spares = False

    def __init__(
        self, channels: int, stride: int, search: bool = True, **kwargs
    ):
        super().__init__(**kwargs)
        if stride not in (1, 2):
            raise ValueError(f"stride={stride} is not valid: give 1 or 2.")
        self.channels = channels
        self.stride = stride
        self.search = search

    def _normalization(self, name: str) -> BatchNormalization:
        layer = BatchNormalization(
            affine=not self.search,
            moving_statistics=not self.search,
            name=name,
        )
        layer.build((None, None, None, self.channels))
        return layer

    def _kernel(self, name: str, shape: tuple[int, ...], fan_in: int):
        return add_weight(self, name, shape, convolution.fan_in_uniform(fan_in))

    def _check_width(self, input_shape) -> None:
        """Raises ConfigError if the width would have to change."""
        if input_shape is not None and input_shape[-1] != self.channels:
            raise ConfigError(
                f"The primitive {self.name!r} of stride {self.stride} keeps "
                f"the number of channels and cannot lead from "
                f"{input_shape[-1]} to {self.channels}; let a convolution "
                f"change it."
            )

    def call(self, x, training=False):
        return self.weighted(SourceNode.of(x), None, training)

    def weighted(
        self,
        source: SourceNode,
        weight: tf.Tensor | None,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns weight * operation(source.value).

        What is computed of features by TensorFlow alone, and not by this
        room's functions, is computed by `probe.apply`: scores of untrained
        networks go back through it, and refuse what they cannot.

        Args:
            source: holds [B, H, W, C'].
            weight: the architecture weight, a scalar or, C times the same,
                [C]; None is 1.
            training: passed on to normalisation.

        Returns:
            [B, ceil(H/stride), ceil(W/stride), C].
        """
        term = self.term(source, weight, training)
        return term.merge() if isinstance(term, Phases) else term

    def term(
        self,
        source: SourceNode,
        weight: tf.Tensor | None,
        training: bool = False,
    ) -> Term:
        """Returns what `weighted` does, or its phases where that is less."""
        return self.finish(self.begin(source), weight, training)

    def begin(self, source: SourceNode) -> Any:
        """Returns what the operation begins with, tensors in any structure.

        It has no parameter, so that all edges which leave a node may share
        it, and it is all that the operation knows of where it stands.
        """
        return source.value

    def finish(
        self, begun: Any, weight: tf.Tensor | None, training: bool = False
    ) -> Term:
        """Returns what `term` does, of what `begin` has returned."""
        raise NotImplementedError

    def links(self, begun: Any, training: bool) -> list[Link] | None:
        """Returns what `finish` computes and normalises, in turn.

        Their weight is that of the last normalisation; of none `finish`
        normalises nothing. None where that cannot be said: replicas that tell
        each other statistics then do so for this candidate alone.

        Args:
            begun: what `begin` has returned; only its form is read.
            training: as of `finish`.
        """
        return None

    @property
    def is_identity(self) -> bool:
        """Whether the output is the input (drop-path spares it)."""
        return False


def times(x: tf.Tensor, weight: tf.Tensor | None) -> tf.Tensor:
    """Returns weight * x, where None is a weight of 1."""
    return x if weight is None else x * tf.cast(weight, x.dtype)


def zeros(x: tf.Tensor, stride: int, channels: int) -> tf.Tensor:
    """Returns zeros [B, ceil(H/stride), ceil(W/stride), channels]."""
    x = x[:, ::stride, ::stride]
    if x.shape[-1] != channels:
        x = tf.repeat(x[..., :1], channels, axis=-1)
    return tf.zeros_like(x)
