"""Parameters and multiply-accumulates of a model, counted on the model.

`maenas_tf.skeletons.network_costs` knows the same figures of our own networks
in closed form; here any Keras model is counted, from its variables and graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import tensorflow as tf

# Operations that multiply but are not counted: better no figure than a wrong
# one.
_NOT_COUNTED = (
    "Conv2DBackpropInput",
    "Conv3D",
    "Einsum",
    "PartitionedCall",
    "StatefulPartitionedCall",
    "StatelessWhile",
    "While",
    "XlaConvV2",
    "XlaDotV2",
)


def count_parameters(model: keras.Model) -> int:
    """Returns the number of trainable parameters, without the alphas.

    Args:
        model: any built Keras model; of a supernet the architecture
            parameters do not count.
    """
    architecture = getattr(model, "architecture", None)
    alphas = architecture.trainable_variables if architecture else []
    excluded = {id(variable) for variable in alphas}
    return sum(
        math.prod(variable.shape)
        for variable in model.trainable_variables
        if id(variable) not in excluded
    )


def count_macs(model: keras.Model, input_shape: tuple[int, int, int]) -> int:
    """Counts the multiply-accumulates of one image's inference.

    The model is traced at batch 1 and the convolutions and matrix products
    of the graph are added up. As is the custom in the literature, an output
    pixel costs the full kernel, at the border too; normalisation, pooling
    and activations are not counted.

    Args:
        model: maps images [B, H, W, C] to anything.
        input_shape: (H, W, C).

    Returns:
        The number of multiply-accumulates.

    Raises:
        ValueError: the shape is none, or the model multiplies in a way that
            is not understood, such as a transposed convolution or a loop.

    Examples:
        model = build_network("DARTS_V2", num_cells=20)
        count_macs(model, (32, 32, 3))
    """
    if len(input_shape) != 3 or not all(
        isinstance(side, int) and side > 0 for side in input_shape
    ):
        raise ValueError(
            f"input_shape={input_shape!r} is not valid: give (height, width, "
            f"channels) of one image, whole numbers above 0."
        )
    specification = tf.TensorSpec((1, *input_shape), tf.float32)

    def inference(images):
        return model(images, training=False)

    graph = tf.function(inference, autograph=False).get_concrete_function(
        specification
    )
    return sum(_macs(operation) for operation in _operations(graph))


def _operations(function) -> list[tf.Operation]:
    return function.graph.get_operations()


def _macs(operation: tf.Operation) -> int:
    """Returns the multiply-accumulates of one operation."""
    if operation.type in _NOT_COUNTED:
        raise ValueError(
            f"The model computes {operation.name!r}, of type "
            f"{operation.type}, whose multiply-accumulates are not known; "
            f"count a part of the model without it."
        )
    terms = _TERMS.get(operation.type)
    return 0 if terms is None else terms(operation)


def _convolution(operation: tf.Operation) -> int:
    # The kernel's third axis is the input channels of one group.
    height, width, channels, _ = _shape(operation.inputs[1])
    return _pixels_out(operation) * height * width * channels


def _depthwise(operation: tf.Operation) -> int:
    height, width, _, _ = _shape(operation.inputs[1])
    return _pixels_out(operation) * height * width


def _matrix_product(operation: tf.Operation) -> int:
    transposed = any(
        name in operation.node_def.attr and operation.get_attr(name)
        for name in ("transpose_a", "adj_x")
    )
    inner = _shape(operation.inputs[0])[-2 if transposed else -1]
    return math.prod(_shape(operation.outputs[0])) * inner


def _pixels_out(operation: tf.Operation) -> int:
    """Returns the number of output values, dilation taken into account.

    A dilated convolution is computed on interleaved parts of the padded
    image; what is cut off when they are put together again does not count.
    """
    output = operation.outputs[0]
    followers = output.consumers()
    if [f.type for f in followers] == ["BatchToSpaceND"]:
        output = followers[0].outputs[0]
    return math.prod(_shape(output))


def _shape(tensor: tf.Tensor) -> tuple[int, ...]:
    if not tensor.shape.is_fully_defined():
        raise ValueError(
            f"The shape {tensor.shape} of {tensor.name!r} is not known before "
            f"the model runs; give it images of a fixed size."
        )
    return tuple(tensor.shape)


_TERMS: dict[str, Callable[[tf.Operation], int]] = {
    "BatchMatMulV2": _matrix_product,
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "MatMul": _matrix_product,
}
