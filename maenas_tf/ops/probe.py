"""What a pass that measures a network sees of it, and does otherwise.

A score of a network at its initialisation looks where no training does:
before every ReLU, at every convolution. Layers tell the probe that is active,
if there is one, and without one compute what they always do.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from maenas_tf.ops.tape import Backward, Tape, several

# A convolution of an input with a kernel; and from the input, the kernel and
# the gradient of the output to the gradient of the input.
Compute = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
ToInput = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


class Kernels:
    """The kernels of a network that nothing trains, each read once."""

    def __init__(self):
        self._held: dict[tuple[int, str], tuple[Any, tf.Tensor]] = {}

    def form(
        self, kernel: Any, name: str, make: Callable[[Any], tf.Tensor]
    ) -> tf.Tensor:
        """Returns make(kernel), made once for each kernel and name."""
        key = id(kernel), name
        if key not in self._held:
            # What another thread has made meanwhile stays.
            self._held.setdefault(key, (kernel, make(kernel)))
        return self._held[key][1]


class Probe:
    """Looks on; subclasses take down what they see.

    Args:
        tape: notes how to go back to the inputs, kernels being constants: half
            of the work. None notes nothing.
        kernels: holds what is made of kernels, of a network whose weights do
            not change; None holds it for this pass.

    Attributes:
        normalizes: normalise by the statistics of the batch, without scale and
            offset, whatever a layer does else; if not, not at all.
    """

    normalizes = True

    def __init__(
        self, tape: Tape | None = None, kernels: Kernels | None = None
    ):
        self.tape = tape
        self.kernels = kernels or Kernels()

    def before_activation(self, x: tf.Tensor) -> None:
        """Is shown what a ReLU is about to rectify, [B, ...]."""

    def kernel(self, kernel: tf.Tensor | keras.Variable) -> tf.Tensor:
        """Returns what is convolved with in place of a kernel."""
        return self.kernels.form(kernel, "read", tf.convert_to_tensor)

    def after_convolution(
        self, x: tf.Tensor, y: tf.Tensor, kernel: tf.Tensor, compute: Compute
    ) -> None:
        """Is shown a convolution y = compute(x, kernel)."""

    def convolve(
        self,
        x: tf.Tensor,
        kernel: tf.Tensor | keras.Variable,
        compute: Compute,
        to_input: ToInput,
    ) -> tf.Tensor:
        """Returns compute(x, kernel), which sends no gradient to the kernel."""
        kernel = self.kernel(kernel)
        y = note(
            compute(x, kernel),
            [x],
            lambda upstream: [to_input(x, kernel, upstream)],
        )
        self.after_convolution(x, y, kernel, compute)
        return y


class _Active(threading.local):
    """The probe of the pass that a thread computes, if it has one."""

    probe: Probe | None = None


_active = _Active()


def active_probe() -> Probe | None:
    """Returns the probe of the pass that is computed, if it has one."""
    return _active.probe


@contextlib.contextmanager
def probing(probe: Probe) -> Iterator[None]:
    """Shows a probe what is computed in a `with` block, op by op."""
    outer, _active.probe = _active.probe, probe
    try:
        yield
    finally:
        _active.probe = outer


def note(
    y: tf.Tensor,
    inputs: Sequence[tf.Tensor],
    backward: Backward,
    held: Backward | None = None,
) -> tf.Tensor:
    """Returns y, and tells an active probe's tape how to go back from it.

    Args:
        y: computed of `inputs`.
        inputs: none of a constant.
        backward: from the gradient of y to those of the inputs.
        held: the same with the statistics of the batch held; None: has none.
    """
    probe = _active.probe
    if probe is not None and probe.tape is not None:
        probe.tape.note(y, inputs, backward, held)
    return y


def constant(y: tf.Tensor) -> tf.Tensor:
    """Returns y, which no gradient passes through."""
    return note(y, (), _nothing)


def apply(
    compute: Callable[..., tf.Tensor],
    *inputs: tf.Tensor,
    held: Backward | None = None,
) -> tf.Tensor:
    """Returns compute(*inputs); what layers compute of features, they compute
    by it, or note it; `held` is `note`'s."""
    probe = _active.probe
    if probe is None or probe.tape is None:
        return compute(*inputs)
    with tf.GradientTape(
        persistent=True, watch_accessed_variables=False
    ) as tape:
        tape.watch(inputs)
        y = compute(*inputs)

    def backward(upstream: tf.Tensor) -> Sequence[tf.Tensor | None]:
        if upstream.shape[0] == y.shape[0]:
            return tape.gradient(y, inputs, upstream)
        tiled = [several(x, upstream) for x in inputs]
        with tf.GradientTape(watch_accessed_variables=False) as own:
            own.watch(tiled)
            z = compute(*tiled)
        return own.gradient(z, tiled, upstream)

    return note(y, inputs, backward, held)


def relu(x: tf.Tensor) -> tf.Tensor:
    """Returns max(x, 0)."""
    if _active.probe is not None:
        _active.probe.before_activation(x)
    y = tf.nn.relu(x)
    return note(y, [x], functools.partial(_rectified, tf.raw_ops.ReluGrad, y))


def relu6(x: tf.Tensor) -> tf.Tensor:
    """Returns min(max(x, 0), 6)."""
    if _active.probe is not None:
        _active.probe.before_activation(x)
    y = tf.nn.relu6(x)
    return note(y, [x], functools.partial(_rectified, tf.raw_ops.Relu6Grad, y))


def _rectified(
    gradient: Callable[..., tf.Tensor], y: tf.Tensor, upstream: tf.Tensor
) -> list[tf.Tensor]:
    return [gradient(gradients=upstream, features=several(y, upstream))]


def add(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Returns a + b, of one shape.

    Not by `apply`: TensorFlow's own tape never lets go of the gradient of a
    sum of two tensors (TF 2.21).
    """
    return note(tf.add(a, b), [a, b], lambda upstream: [upstream, upstream])


def add_n(terms: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the sum of tensors of one shape."""
    return note(tf.add_n(terms), terms, lambda u: [u] * len(terms))


def concat(parts: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the channels of all parts, behind each other."""
    widths = [part.shape[-1] for part in parts]
    return note(tf.concat(parts, -1), parts, lambda u: tf.split(u, widths, -1))


def split(x: tf.Tensor, count: int) -> list[tf.Tensor]:
    """Returns the images of x in so many equal parts."""
    parts = tf.split(x, count)
    return [
        note(part, [x], functools.partial(_filled, number, count))
        for number, part in enumerate(parts)
    ]


def _filled(number: int, count: int, upstream: tf.Tensor) -> list[tf.Tensor]:
    """Returns the gradient of all parts, from that of one."""
    nothing = tf.zeros_like(upstream)
    parts = [nothing] * count
    parts[number] = upstream
    return [tf.concat(parts, 0)]


def _nothing(upstream: tf.Tensor) -> Sequence[tf.Tensor]:
    del upstream
    return ()
