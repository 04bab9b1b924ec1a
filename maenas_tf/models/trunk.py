"""The trunk: what a plan places, as layers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from maenas_tf.models.cell import NetworkCell, SearchCell
from maenas_tf.ops.convolution import (
    average_pool_2x2,
    convolve,
    fan_in_uniform,
)
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.mobile import ACTIVATIONS
from maenas_tf.ops.normalization import EPSILON, BatchNormalization
from maenas_tf.ops.primitives import make_primitive
from maenas_tf.ops.probe import add, relu
from maenas_tf.ops.relu_conv_norm import ReluConvNorm
from maenas_tf.ops.sharing import SharedFunctions, sharing
from maenas_tf.registry import Registry
from maenas_tf.skeletons import plan
from maenas_tf.skeletons.costs import half
from maenas_tf.skeletons.mobile import FixedLayer
from maenas_tf.spaces import Genotype

# The form of a placement to what makes its layer, of the placement, whether
# the layer keeps moving statistics, and its name.
LAYERS: Registry[Callable[[Any, bool, str], keras.layers.Layer]] = Registry(
    "form of a placement"
)

CELL = plan.Cell.form


class Stem(keras.layers.Layer):
    """3x3 convolutions, each with an affine normalisation; ReLU between them.

    Args:
        channels: of each convolution's output.
        stride: of each convolution, 1 or 2.
        activation_first: begin with a ReLU.
        moving_statistics: of the normalisations.
        activation_last: end with "relu" or "relu6"; empty is none.
        epsilon: of the normalisations.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        stride: int = 1,
        activation_first: bool = False,
        moving_statistics: bool = False,
        activation_last: str = "",
        epsilon: float = EPSILON,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.stride = stride
        self.activation_first = activation_first
        self.activation_last = activation_last
        self.norms = [
            BatchNormalization(
                True, moving_statistics, epsilon, name=f"norm_{i}"
            )
            for i in range(len(channels))
        ]

    def build(self, input_shape):
        width = input_shape[-1]
        self.kernels = []
        for i, channels in enumerate(self.channels):
            self.kernels.append(
                self.add_weight(
                    name=f"kernel_{i}",
                    shape=(3, 3, width, channels),
                    initializer=fan_in_uniform(9 * width),
                )
            )
            self.norms[i].build((None, None, None, channels))
            width = channels
        self.built = True

    def call(self, x, training=False):
        for i, kernel in enumerate(self.kernels):
            if i or self.activation_first:
                x = relu(x)
            x = convolve(x, kernel, self.stride)
            x = self.norms[i].call(x, training=training)
        if self.activation_last:
            x = ACTIVATIONS[self.activation_last](x)
        return x


class ResidualReduction(keras.layers.Layer):
    """NAS-Bench-201's block between stages: half the size, new width.

    ReLU-3x3 stride 2-BN, ReLU-3x3-BN; shortcut: 2x2 average pooling and a
    1x1 convolution.

    Args:
        channels: of the output.
        moving_statistics: of the normalisation.
    """

    def __init__(
        self, channels: int, moving_statistics: bool = False, **kwargs
    ):
        super().__init__(**kwargs)
        self.channels = channels
        form = {"affine": True, "moving_statistics": moving_statistics}
        self.first = ReluConvNorm(channels, 3, 2, name="first", **form)
        self.second = ReluConvNorm(channels, 3, 1, name="second", **form)

    def build(self, input_shape):
        width = input_shape[-1]
        self.first.build(input_shape)
        self.second.build((None, None, None, self.channels))
        self.shortcut = self.add_weight(
            name="shortcut",
            shape=(1, 1, width, self.channels),
            initializer=fan_in_uniform(width),
        )
        self.built = True

    def call(self, x, training=False):
        residual = self.first.call(x, training=training)
        residual = self.second.call(residual, training=training)
        shortcut = convolve(average_pool_2x2(x), self.shortcut)
        return add(shortcut, residual)


@LAYERS.register(plan.Convolutions.form)
def _make_stem(
    placement: plan.Convolutions, moving_statistics: bool, name: str
) -> Stem:
    return Stem(
        placement.widths,
        placement.stride,
        placement.activation_first,
        moving_statistics,
        placement.activation_last,
        placement.epsilon,
        name=name,
    )


@LAYERS.register(FixedLayer.form)
def _make_fixed_layer(
    placement: FixedLayer, moving_statistics: bool, name: str
) -> keras.layers.Layer:
    del name  # A primitive has its own.
    return make_primitive(
        placement.primitive,
        placement.channels_out,
        2**placement.halvings,
        not moving_statistics,
        placement.family,
    )


@LAYERS.register(plan.ResidualReduction.form)
def _make_residual_reduction(
    placement: plan.ResidualReduction, moving_statistics: bool, name: str
) -> ResidualReduction:
    return ResidualReduction(
        placement.channels_out, moving_statistics, name=name
    )


class Trunk(keras.layers.Layer):
    """All layers of a plan, for supernet, network and backbone alike.

    Args:
        plan: what stands where.
        genotype: what is chosen; None places all candidates.
        search: the search's form of normalisation and primitives, else the
            network's.
        make_edge: makes what stands on an edge where nothing is chosen,
            `MixedOp` or alike.
        recompute: compute each cell of candidates again for its gradient.

    Attributes:
        functions: those of its equal parts in training.
    """

    def __init__(
        self,
        plan: plan.Plan,
        genotype: Genotype | None = None,
        search: bool = True,
        make_edge: Callable[..., MixedOp] = MixedOp,
        recompute: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.plan = plan
        self.genotype = genotype
        self.search = search
        self.make_edge = make_edge
        self.recompute = recompute
        self.placed = []
        self.functions = SharedFunctions()
        for placement in plan.placements:
            name = placement.name.rpartition("/")[2]
            if placement.form == CELL:
                layer = self._make_cell(placement, name)
            else:
                layer = LAYERS.get(placement.form)(placement, not search, name)
            self.placed.append(layer)

    def _make_cell(
        self, placement: plan.Cell, name: str
    ) -> SearchCell | NetworkCell:
        if self.genotype is None:
            return SearchCell(
                placement, self.make_edge, self.recompute, name=name
            )
        edges = self.genotype.cells[placement.cell_type]
        return NetworkCell(placement, edges, self.search, name=name)

    def build(self, input_shape):
        """Makes all weights; notes the `shapes` of all outputs by name."""
        # Of grey images too: their channel is repeated.
        self.shapes = {plan.IMAGES: (*input_shape[:-1], 3)}
        for placement, layer in self._pairs():
            inputs = [self.shapes[name] for name in placement.inputs]
            with contextlib.ExitStack() as scopes:
                for scope in placement.name.split("/")[:-1]:
                    scopes.enter_context(keras.name_scope(scope))
                is_cell = placement.form == CELL
                layer.build(inputs if is_cell else inputs[-1])
            batch, height, width, _ = inputs[-1]
            for _ in range(placement.halvings):
                height, width = _half(height), _half(width)
            channels = placement.channels_out
            self.shapes[placement.name] = (batch, height, width, channels)
        self.built = True

    @property
    def feature_shapes(self) -> tuple[tuple[int | None, ...], ...]:
        """The shapes of the features, fine to coarse."""
        return tuple(self.shapes[name] for name in self.plan.features)

    @property
    def auxiliary_shape(self) -> tuple[int | None, ...] | None:
        """The shape of what an auxiliary head looks at, or None."""
        return self.shapes.get(self.plan.auxiliary)

    def _pairs(self):
        return zip(self.plan.placements, self.placed, strict=True)

    def call(
        self,
        x: tf.Tensor,
        cell_arguments: Mapping[str, Mapping[str, Any]],
        training: bool = False,
    ) -> tuple[list[tf.Tensor], tf.Tensor | None]:
        """Computes everything.

        Args:
            x: images, [B, H, W, 3], or [B, H, W, 1] of grey ones.
            cell_arguments: cell type to further arguments of its cells.
            training: passed on.

        Returns:
            The features, fine to coarse, and the feature map that an
            auxiliary head looks at, if the plan has one.

        Raises:
            ValueError: the images have another shape.
        """
        # What is exported is without functions.
        share = training and sharing(self.functions)
        with share or contextlib.nullcontext():
            return self._compute(x, cell_arguments, training)

    def _compute(self, x, cell_arguments, training):
        values = {plan.IMAGES: _as_rgb(x)}
        for placement, layer in self._pairs():
            inputs = [values[name] for name in placement.inputs]
            if placement.form == CELL:
                arguments = cell_arguments[placement.cell_type]
                # `call`: Keras' `__call__` would cast the architecture weights.
                value = layer.call(inputs, training=training, **arguments)
            else:
                value = layer(inputs[-1], training=training)
            values[placement.name] = value
        features = [values[name] for name in self.plan.features]
        return features, values.get(self.plan.auxiliary)


def _as_rgb(images: tf.Tensor) -> tf.Tensor:
    """Returns [B, H, W, 3] of images, the channel of grey ones repeated."""
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[-1] not in (1, 3, None):
        raise ValueError(
            f"`images` has the shape {shape}; give [B, H, W, 3], or "
            f"[B, H, W, 1] of grey images."
        )
    return tf.repeat(images, 3, axis=-1) if shape[-1] == 1 else images


def _half(size: int | None) -> int | None:
    return None if size is None else half(size)
