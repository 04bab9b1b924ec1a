"""What a pass that measures a network sees of it, and does otherwise.

A score of a network at its initialisation looks where no training does:
before every ReLU, at every convolution. Layers tell the probe that is active,
if there is one, and without one compute what they always do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import tensorflow as tf

# A convolution of an input with a kernel; and from the input, the kernel and
# the gradient of the output to the gradient of the input.
Compute = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
ToInput = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


class Probe:
    """Looks on; subclasses take down what they see.

    Kernels are constants to it: a gradient passes through a convolution to
    its input alone, which is half of the work.

    Attributes:
        normalizes: normalise by the statistics of the batch, without scale and
            offset, whatever a layer does else; if not, not at all.
    """

    normalizes = True

    def before_activation(self, x: tf.Tensor) -> None:
        """Is shown what a ReLU is about to rectify, [B, ...]."""

    def kernel(self, kernel: tf.Tensor) -> tf.Tensor:
        """Returns what is convolved with in place of a kernel."""
        return kernel

    def after_convolution(
        self, x: tf.Tensor, y: tf.Tensor, kernel: tf.Tensor, compute: Compute
    ) -> None:
        """Is shown a convolution y = compute(x, kernel)."""

    def convolve(
        self,
        x: tf.Tensor,
        kernel: tf.Tensor,
        compute: Compute,
        to_input: ToInput,
    ) -> tf.Tensor:
        """Returns compute(x, kernel), which sends no gradient to the kernel."""
        kernel = self.kernel(kernel)

        @tf.custom_gradient
        def convolved(x):
            def gradient(upstream):
                return to_input(x, kernel, upstream)

            return compute(x, kernel), gradient

        y = convolved(x)
        self.after_convolution(x, y, kernel, compute)
        return y


_probes: list[Probe] = []


def active_probe() -> Probe | None:
    """Returns the probe of the pass that is computed, if it has one."""
    return _probes[-1] if _probes else None


@contextlib.contextmanager
def probing(probe: Probe) -> Iterator[None]:
    """Shows a probe what is computed in a `with` block, op by op."""
    _probes.append(probe)
    try:
        yield
    finally:
        _probes.pop()


def relu(x: tf.Tensor) -> tf.Tensor:
    """Returns max(x, 0)."""
    if _probes:
        _probes[-1].before_activation(x)
    return tf.nn.relu(x)


def relu6(x: tf.Tensor) -> tf.Tensor:
    """Returns min(max(x, 0), 6)."""
    if _probes:
        _probes[-1].before_activation(x)
    return tf.nn.relu6(x)
