"""Skeletons: how cells are stacked, for the supernet and the network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.models.cell import CellInputs
from maenas_tf.ops.convolution import (
    average_pool_2x2,
    convolve,
    fan_in_uniform,
)
from maenas_tf.ops.normalization import BatchNormalization
from maenas_tf.ops.primitives import ReluConvNorm
from maenas_tf.registry import Registry
from maenas_tf.spaces import Space

TRUNKS: Registry = Registry("skeleton")
STEMS: Registry = Registry("stem")

# (cell type, channels, layer for the inputs or None, name) -> cell
MakeCell = Callable[[str, int, keras.layers.Layer | None, str], Any]


class Stem(keras.layers.Layer):
    """3x3 convolutions, each with an affine normalisation; ReLU between them.

    Args:
        channels: of each convolution's output.
        stride: of each convolution, 1 or 2.
        activation_first: begin with a ReLU.
        moving_statistics: of the normalisations.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        stride: int = 1,
        activation_first: bool = False,
        moving_statistics: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.stride = stride
        self.activation_first = activation_first
        self.norms = [
            BatchNormalization(True, moving_statistics, name=f"norm_{i}")
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
                x = tf.nn.relu(x)
            x = convolve(x, tf.convert_to_tensor(kernel), self.stride)
            x = self.norms[i].call(x, training=training)
        return x


@STEMS.register("cifar")
class SmallImageStem(keras.layers.Layer):
    """One 3x3 convolution to 3C channels, at full resolution.

    Args:
        init_channels: C.
        moving_statistics: of the normalisation.
    """

    reduction = 1
    reduces_last = False

    def __init__(
        self, init_channels: int, moving_statistics: bool = False, **kwargs
    ):
        super().__init__(**kwargs)
        self.first = Stem(
            (3 * init_channels,),
            moving_statistics=moving_statistics,
            name="first",
        )

    def build(self, input_shape):
        batch, height, width, _ = input_shape
        self.first.build(input_shape)
        shape = (batch, height, width, self.first.channels[-1])
        self.output_shapes = (shape, shape)
        self.built = True

    def call(self, x, training=False):
        """Returns the two inputs of the first cell, older and newer."""
        x = self.first(x, training=training)
        return x, x


@STEMS.register("imagenet")
class LargeImageStem(keras.layers.Layer):
    """Three 3x3 convolutions of stride 2, to C/2, C and C channels.

    The first cell sees the last two, at a quarter and an eighth of the
    resolution (the DARTS reference's ImageNet network).

    Args: as `SmallImageStem`.
    """

    reduction = 8
    reduces_last = True

    def __init__(
        self, init_channels: int, moving_statistics: bool = False, **kwargs
    ):
        super().__init__(**kwargs)
        self.first = Stem(
            (init_channels // 2, init_channels),
            stride=2,
            moving_statistics=moving_statistics,
            name="first",
        )
        self.second = Stem(
            (init_channels,),
            stride=2,
            activation_first=True,
            moving_statistics=moving_statistics,
            name="second",
        )

    def build(self, input_shape):
        batch, height, width, _ = input_shape
        channels = self.first.channels[-1]
        quarter = (batch, _half(height, 2), _half(width, 2), channels)
        eighth = (batch, _half(height, 3), _half(width, 3), channels)
        self.first.build(input_shape)
        self.second.build(quarter)
        self.output_shapes = (quarter, eighth)
        self.built = True

    def call(self, x, training=False):
        """Returns the two inputs of the first cell, older and newer."""
        older = self.first(x, training=training)
        return older, self.second(older, training=training)


def _half(size: int, times: int = 1) -> int:
    """Returns a size after some halvings, each rounded up."""
    for _ in range(times):
        size = math.ceil(size / 2)
    return size


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
        shortcut = convolve(
            average_pool_2x2(x), tf.convert_to_tensor(self.shortcut)
        )
        return shortcut + residual


@TRUNKS.register("darts")
class DartsTrunk(keras.layers.Layer):
    """The DARTS skeleton (Liu et al., 2019, section 3.1).

    A stem, then cells; those at one third and two thirds of the depth halve
    the resolution and double the width.

    Args:
        space: search space.
        init_channels: C.
        num_cells: at least 3, so that both cell types occur.
        make_cell: builds the cell of a position.
        search: the search's form of normalisation, else the network's.
        stem: name of the stem.
    """

    head_activation = False

    def __init__(
        self,
        space: Space,
        init_channels: int,
        num_cells: int,
        make_cell: MakeCell,
        search: bool,
        stem: str = "cifar",
        **kwargs,
    ):
        super().__init__(**kwargs)
        reductions = space.reduction_cells(num_cells)
        self.stem = STEMS.get(stem)(init_channels, not search, name="stem")
        self.cells, self.kinds = [], []
        channels, reduced_before = init_channels, self.stem.reduces_last
        for index in range(num_cells):
            reduces = index in reductions
            channels = channels * 2 if reduces else channels
            inputs = CellInputs(channels, reduced_before, search, name="inputs")
            self.kinds.append("reduce" if reduces else "normal")
            self.cells.append(
                make_cell(self.kinds[-1], channels, inputs, f"cell_{index}")
            )
            reduced_before = reduces
        # The last cell of every resolution; where the auxiliary head looks.
        self.stage_ends = [*(i - 1 for i in reductions), num_cells - 1]
        self.middle = reductions[-1]

    def build(self, input_shape):
        """Makes all weights; notes `feature_shapes`, `auxiliary_shape`."""
        self.stem.build(input_shape)
        shapes = list(self.stem.output_shapes)
        for kind, cell in zip(self.kinds, self.cells, strict=True):
            cell.build(shapes[-2:])
            batch, height, width, _ = shapes[-1]
            if kind == "reduce":
                height, width = _half(height), _half(width)
            shapes.append((batch, height, width, cell.output_channels))
        self.feature_shapes = tuple(shapes[2 + i] for i in self.stage_ends)
        self.auxiliary_shape = shapes[2 + self.middle]
        self.built = True

    def call(self, x, cell_arguments, training=False):
        """Computes all cells.

        Args:
            x: images, [B, H, W, 3].
            cell_arguments: cell type to further arguments of its cells.

        Returns:
            The last feature map of every resolution, fine to coarse, and the
            feature map that an auxiliary head looks at.
        """
        values = list(self.stem(x, training=training))
        for kind, cell in zip(self.kinds, self.cells, strict=True):
            arguments = cell_arguments[kind]
            # `call`: Keras' `__call__` would cast the architecture weights.
            value = cell.call(values[-2:], training=training, **arguments)
            values.append(value)
        features = [values[2 + i] for i in self.stage_ends]
        return features, values[2 + self.middle]


@TRUNKS.register("nasbench201")
class NasBench201Trunk(keras.layers.Layer):
    """NAS-Bench-201's skeleton: three stages of `num_cells` cells.

    A 3x3 stem to C channels; stages of width C, 2C, 4C, with a residual block
    between them (Dong and Yang, 2020, section 2.1).

    Args: as `DartsTrunk`, with `num_cells` for each stage.
    """

    head_activation = True
    auxiliary_shape = None

    def __init__(
        self,
        space: Space,
        init_channels: int,
        num_cells: int,
        make_cell: MakeCell,
        search: bool,
        stem: str = "cifar",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if stem != "cifar":
            raise ConfigError(
                f"--stem={stem} is not defined for --space={space.name}; use "
                f"--stem=cifar."
            )
        (cell_type,) = space.cell_types
        self.cell_type_name = cell_type.name
        self.stem = Stem(
            (init_channels,), moving_statistics=not search, name="stem"
        )
        self.stages, self.reductions = [], []
        for stage in range(3):
            channels = init_channels * 2**stage
            if stage:
                name = f"reduction_{stage}"
                self.reductions.append(
                    ResidualReduction(channels, not search, name=name)
                )
            self.stages.append(
                [
                    make_cell(
                        cell_type.name, channels, None, f"cell_{stage}_{index}"
                    )
                    for index in range(num_cells)
                ]
            )

    def build(self, input_shape):
        """Makes all weights and notes `feature_shapes`, fine to coarse."""
        batch, height, width, _ = input_shape
        self.stem.build(input_shape)
        shape = (batch, height, width, self.stem.channels[-1])
        shapes = []
        for stage, cells in enumerate(self.stages):
            if stage:
                self.reductions[stage - 1].build(shape)
                height, width = _half(height), _half(width)
                shape = (batch, height, width, cells[0].channels)
            for cell in cells:
                cell.build([shape])
            shapes.append(shape)
        self.built = True
        self.feature_shapes = tuple(shapes)

    def call(self, x, cell_arguments, training=False):
        """Returns the three stages' features and None; see `DartsTrunk`."""
        arguments = cell_arguments[self.cell_type_name]
        x = self.stem(x, training=training)
        features = []
        for stage, cells in enumerate(self.stages):
            if stage:
                x = self.reductions[stage - 1](x, training=training)
            for cell in cells:
                # `call`: `__call__` would cast the architecture weights.
                x = cell.call([x], training=training, **arguments)
            features.append(x)
        return features, None
