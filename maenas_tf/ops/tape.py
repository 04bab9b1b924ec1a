"""Differentiation of what is computed op by op, with little Python.

TensorFlow's own tape costs about a millisecond of Python for a convolution
with its normalisation and their way back, without a graph; untrained networks
at a few images compute faster than that. Here the operations of networks note
how they are gone back through.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

# From the gradient of an output to those of the inputs, None for 0.
Backward = Callable[[tf.Tensor], Sequence[tf.Tensor | None]]


def shape_of(x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    """Returns the shape of x with the batch of a gradient, int32.

    Args:
        x: of a known shape.
        upstream: may be several gradients behind each other.
    """
    return held_integers((upstream.shape[0], *x.shape[1:]))


@functools.lru_cache(maxsize=1024)
def held_integers(values: tuple) -> tf.Tensor:
    """Returns values such as a shape as a tensor, made once, int32.

    Making it anew costs as much as a small operation that takes it.
    """
    return tf.constant(values, tf.int32)


def several(x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    """Returns x as often as a gradient has its batch."""
    times = upstream.shape[0] // x.shape[0]
    if times == 1:
        return x
    multiples = held_integers((times, *[1] * (x.shape.rank - 1)))
    return tf.raw_ops.Tile(input=x, multiples=multiples)


class Tape:
    """Notes operations in the order in which they are computed.

    Attributes:
        length: of what was noted so far.
    """

    def __init__(self):
        self._entries: list[
            tuple[tf.Tensor, Sequence[tf.Tensor], Backward, Backward]
        ] = []
        # Held, so that no other tensor takes over an id.
        self._known: dict[int, tf.Tensor] = {}

    @property
    def length(self) -> int:
        return len(self._entries)

    def watch(self, x: tf.Tensor) -> None:
        """Takes a tensor for a beginning, as nothing was noted of it."""
        self._known[id(x)] = x

    def note(
        self,
        y: tf.Tensor,
        inputs: Sequence[tf.Tensor],
        backward: Backward,
        held: Backward | None = None,
    ) -> None:
        """Notes that y was computed of `inputs`, of which all are known.

        Args:
            y: computed now.
            inputs: none of a constant.
            backward: from the gradient of y to those of the inputs.
            held: the same with the statistics of the batch, which y depends
                on, taken for constants; None: y depends on none.

        Raises:
            ValueError: nobody has noted where one comes from: a gradient
                would end there without a word.
        """
        for x in inputs:
            if id(x) not in self._known:
                raise ValueError(
                    f"Nothing was noted of what computed {x.dtype.name} "
                    f"{list(x.shape)}; compute it by `probe.apply`."
                )
        if id(y) not in self._known:
            self._known[id(y)] = y
            self._entries.append((y, inputs, backward, held or backward))

    def gradients(
        self,
        y: tf.Tensor,
        upstream: tf.Tensor,
        sources: Sequence[tf.Tensor],
        start: int = 0,
        stop: int | None = None,
        hold_statistics: bool = False,
    ) -> list[tf.Tensor]:
        """Returns d(y)/d(source)^T upstream for each source, or zeros.

        Args:
            y: was noted.
            upstream: like y, or several such behind each other.
            sources: known tensors.
            start: `length` before what to go back through.
            stop: `length` behind it; None is the end.
            hold_statistics: take those of the batch, by which layers
                normalise, for constants: what an image gets is then of its
                own output alone.
        """
        wanted = {id(x) for x in sources}
        reached, passed = set(wanted), []
        for entry in self._entries[start:stop]:
            if any(id(x) in reached for x in entry[1]):
                reached.add(id(entry[0]))
                passed.append(entry)
        found = {id(y): upstream} if id(y) in reached else {}
        for output, inputs, backward, held in reversed(passed):
            key = id(output)
            if key not in found:
                continue
            back = held if hold_statistics else backward
            own = found[key] if key in wanted else found.pop(key)
            for x, gradient in zip(inputs, back(own), strict=True):
                if gradient is not None and id(x) in reached:
                    if id(x) in found:
                        gradient = tf.raw_ops.AddV2(x=found[id(x)], y=gradient)
                    found[id(x)] = gradient
        return [
            found[id(x)]
            if id(x) in found
            else tf.zeros_like(several(x, upstream))
            for x in sources
        ]
