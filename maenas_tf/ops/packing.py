"""Weights of one shape in one variable.

An edge of a supernet has a dozen small weights of few shapes, and a supernet a
hundred edges. Each variable costs a step some five operations, which read it,
measure its gradient and move it, and most of the time to the first step is
that of making operations. An edge therefore stacks its weights, and gives its
layers pieces of the stacks.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf


class Piece:
    """A weight that is a part of a variable; TensorFlow takes it for a tensor.

    Attributes:
        name: of the weight.
        path: of the layer that it belongs to, and the name.
        shape: of the weight.
        place: in the variable.
    """

    def __init__(self, stack: _Stack, path: str, place: int):
        self.name = path.rpartition("/")[2]
        self.path = path
        self.shape = tf.TensorShape(stack.shape)
        self.place = place
        self._stack = stack

    @property
    def value(self) -> tf.Tensor:
        """The values, in the type that the variable has here."""
        return self._stack.values()[self.place]

    @property
    def variable(self) -> keras.Variable:
        """What it is a part of, [N, *shape]."""
        return self._stack.variable

    @property
    def dtype(self) -> tf.DType:
        """The variable's."""
        return tf.as_dtype(self.variable.dtype)

    def numpy(self) -> np.ndarray:
        """Returns the values."""
        return self.value.numpy()

    def assign(self, value) -> None:
        """Puts other values in the place of these, outside of a graph."""
        values = self.variable.numpy()
        values[self.place] = value
        self.variable.assign(values)


tf.register_tensor_conversion_function(
    Piece,
    lambda piece, dtype=None, name=None, as_ref=False: tf.convert_to_tensor(
        piece.value, dtype, name=name
    ),
)


class _Stack:
    """The weights of one shape.

    Args:
        shape: of each.

    Attributes:
        paths: of the weights.
        initial: their first values.
        variable: holds them, [N, *shape]; None before it is made.
    """

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape
        self.paths: list[str] = []
        self.initial: list[np.ndarray] = []
        self.variable: keras.Variable | None = None
        # A replica's own, since each is traced in a thread.
        self._held = threading.local()

    def values(self) -> list[tf.Tensor]:
        """Returns the weights."""
        held = getattr(self._held, "values", None)
        return tf.unstack(self.variable) if held is None else held

    def hold(self, values: list[tf.Tensor] | None) -> list[tf.Tensor] | None:
        """Has `values` return these in this thread; None: those it has.

        Returns:
            What it was to return before.
        """
        outer = getattr(self._held, "values", None)
        self._held.values = values
        return outer


class Pack:
    """The weights of several layers, stacked by shape.

    Attributes:
        pieces: the weights, in the order in which they were made.
    """

    def __init__(self):
        self.pieces: list[Piece] = []
        self._stacks: dict[tuple[int, ...], _Stack] = {}

    @contextlib.contextmanager
    def filling(self) -> Iterator[None]:
        """Takes the weights that layers make in a `with` block."""
        outer, _filled.pack = _filled.pack, self
        try:
            yield
        finally:
            _filled.pack = outer

    def add(
        self,
        layer: keras.layers.Layer,
        name: str,
        shape: Sequence[int],
        initializer: keras.initializers.Initializer,
    ) -> Piece:
        """Returns a new weight of a layer."""
        shape = tuple(shape)
        stack = self._stacks.setdefault(shape, _Stack(shape))
        piece = Piece(stack, f"{layer.path}/{name}", len(stack.paths))
        stack.paths.append(piece.path)
        with tf.init_scope():
            value = initializer(shape, dtype=layer.variable_dtype)
            stack.initial.append(keras.ops.convert_to_numpy(value))
        self.pieces.append(piece)
        return piece

    def build(self, layer: keras.layers.Layer) -> None:
        """Makes the variables, weights of the layer."""
        for shape, stack in self._stacks.items():
            values = np.stack(stack.initial)
            stack.variable = layer.add_weight(
                name="x".join(map(str, shape)),
                shape=values.shape,
                initializer=lambda _, dtype, values=values: tf.constant(
                    values, dtype
                ),
            )
            stack.variable.stacked_paths = stack.paths
            stack.initial.clear()

    @contextlib.contextmanager
    def unpacked(self) -> Iterator[None]:
        """Takes the variables apart once for all that reads the weights."""
        stacks = self._stacks.values()
        outer = [stack.hold(tf.unstack(stack.variable)) for stack in stacks]
        try:
            yield
        finally:
            for stack, held in zip(stacks, outer, strict=True):
                stack.hold(held)


def stacked_paths(variable: keras.Variable) -> list[str]:
    """Returns the paths of the weights that a variable stacks, if it does."""
    return getattr(variable, "stacked_paths", [])


class _Filled(threading.local):
    pack: Pack | None = None


_filled = _Filled()


def add_weight(
    layer: keras.layers.Layer,
    name: str,
    shape: Sequence[int],
    initializer: keras.initializers.Initializer,
) -> keras.Variable | Piece:
    """Returns a new weight of a layer: a variable, or a piece of one.

    Args:
        layer: that reads it by `tf.convert_to_tensor`.
        name: of the weight.
        shape: of the weight.
        initializer: of its values.
    """
    if _filled.pack is None:
        return layer.add_weight(name=name, shape=shape, initializer=initializer)
    return _filled.pack.add(layer, name, shape, initializer)
