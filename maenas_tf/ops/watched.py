"""Which gradients are asked for where a pass is computed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf

# Nothing public tells what is watched.
from tensorflow.python.eager import record

_depth = 0


@contextlib.contextmanager
def watched_only() -> Iterator[None]:
    """Says that in a `with` block all gradients are asked for by tapes in it.

    Elsewhere a tape may be one around the function that is being traced, and
    ask for the gradient of what is no variable in it.
    """
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1


def are_watched(tensors: Sequence[tf.Tensor]) -> tuple[bool, ...]:
    """Returns of each tensor whether its gradient may be asked for."""
    if not _depth:
        return tuple(x.dtype.is_floating for x in tensors)
    return tuple(record.should_record_backprop([x]) for x in tensors)


def convolve_watched(
    operation: str,
    compute: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    x: tf.Tensor,
    kernel: tf.Tensor,
) -> tf.Tensor:
    """Returns compute(x, kernel), with the gradients that are asked for.

    TensorFlow would make both. Where a part of the network is a function, what
    its gradient reads is kept, whether the result is of use or not: x for a
    kernel's that nobody asks for, as in the step of the alphas.

    Args:
        operation: TensorFlow's, that `compute` consists of.
        compute: what convolves.
        x: [B, H, W, C].
        kernel: [k, k, ...].
    """
    of_x, of_kernel = are_watched([x, kernel])
    if of_kernel:
        return compute(x, kernel)
    if not of_x:
        return tf.stop_gradient(compute(x, kernel))
    graph = tf.compat.v1.get_default_graph()
    with graph.gradient_override_map({operation: f"{operation}ToInput"}):
        return compute(x, kernel)


def depthwise_turned(kernel: tf.Tensor) -> tf.Tensor:
    """Returns the depthwise kernel that leads back at stride 1."""
    return tf.reverse(kernel, [0, 1])


def depthwise_to_input(kernel: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    """Returns the gradient of a depthwise convolution's input, at stride 1.

    It is the convolution with the reversed kernel, which on CPU takes three
    quarters of the time of the operation that is made for it (5x5, TF 2.21).

    Args:
        kernel: [k, k, C, 1], k odd.
        upstream: gradient of the result, [B, H, W, C].
    """
    turned = depthwise_turned(kernel)
    return tf.nn.depthwise_conv2d(upstream, turned, [1, 1, 1, 1], "SAME")


def _to_input(op: tf.Operation, upstream: tf.Tensor) -> tuple:
    x, kernel = op.inputs
    strides = op.get_attr("strides")
    if (
        op.type == "DepthwiseConv2dNative"
        and strides[1] == 1
        and op.get_attr("padding") == b"SAME"
        and not tf.config.list_physical_devices("GPU")
    ):
        return depthwise_to_input(kernel, upstream), None
    to_input = getattr(tf.raw_ops, f"{op.type}BackpropInput")(
        input_sizes=tf.shape(x),  # without x where it is known
        filter=kernel,
        out_backprop=upstream,
        strides=strides,
        padding=op.get_attr("padding"),
    )
    return to_input, None


for _operation in ("Conv2D", "DepthwiseConv2dNative"):
    tf.RegisterGradient(f"{_operation}ToInput")(_to_input)
