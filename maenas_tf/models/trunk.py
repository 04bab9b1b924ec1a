"""Skeletons: how cells are stacked, for the supernet and the network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

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

# (cell type, channels, layer for the inputs or None, name) -> cell
MakeCell = Callable[[str, int, keras.layers.Layer | None, str], Any]


class Stem(keras.layers.Layer):
    """3x3 convolution and affine normalisation.

    Args:
        channels: of the output.
        moving_statistics: of the normalisation.
    """

    def __init__(
        self, channels: int, moving_statistics: bool = False, **kwargs
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.norm = BatchNormalization(True, moving_statistics, name="norm")

    def build(self, input_shape):
        width = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(3, 3, width, self.channels),
            initializer=fan_in_uniform(9 * width),
        )
        self.norm.build((None, None, None, self.channels))
        self.built = True

    def call(self, x, training=False):
        x = convolve(x, tf.convert_to_tensor(self.kernel))
        return self.norm.call(x, training=training)


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
    """The DARTS skeleton for small images.

    A 3x3 stem to 3C channels, then cells; those at one third and two thirds
    halve the resolution and double the width (Liu et al., 2019, section 3.1).

    Args:
        space: search space.
        init_channels: C.
        num_cells: at least 3.
        make_cell: builds the cell of a position.
        search: the search's form of normalisation, else the network's.
    """

    head_activation = False

    def __init__(
        self,
        space: Space,
        init_channels: int,
        num_cells: int,
        make_cell: MakeCell,
        search: bool,
        **kwargs,
    ):
        super().__init__(**kwargs)
        reductions = space.reduction_cells(num_cells)
        self.stem = Stem(3 * init_channels, not search, name="stem")
        self.cells, self.stage_ends = [], []
        self.cell_type_names = []
        channels, reduced_before = init_channels, False
        for index in range(num_cells):
            reduces = index in reductions
            channels = channels * 2 if reduces else channels
            name = f"cell_{index}"
            inputs = CellInputs(channels, reduced_before, search, name="inputs")
            kind = "reduce" if reduces else "normal"
            self.cells.append(make_cell(kind, channels, inputs, name))
            self.cell_type_names.append(kind)
            if index + 1 in reductions or index + 1 == num_cells:
                self.stage_ends.append(index)
            reduced_before = reduces

    def build(self, input_shape):
        """Makes all weights and notes `feature_shapes`, fine to coarse."""
        batch, height, width, _ = input_shape
        self.stem.build(input_shape)
        older = newer = (batch, height, width, self.stem.channels)
        shapes = []
        for index, cell in enumerate(self.cells):
            cell.build([older, newer])
            older = newer
            if self.cell_type_names[index] == "reduce":
                height, width = math.ceil(height / 2), math.ceil(width / 2)
            newer = (batch, height, width, cell.output_channels)
            if index in self.stage_ends:
                shapes.append(newer)
        self.built = True
        self.feature_shapes = tuple(shapes)

    def call(self, x, cell_arguments, training=False):
        """Returns the last feature map of every resolution, fine to coarse.

        Args:
            x: images, [B, H, W, 3].
            cell_arguments: cell type to further arguments of its cells.
        """
        older = newer = self.stem(x, training=training)
        features = []
        for index, cell in enumerate(self.cells):
            arguments = cell_arguments[self.cell_type_names[index]]
            result = cell([older, newer], training=training, **arguments)
            older, newer = newer, result
            if index in self.stage_ends:
                features.append(newer)
        return features


@TRUNKS.register("nasbench201")
class NasBench201Trunk(keras.layers.Layer):
    """NAS-Bench-201's skeleton: three stages of `num_cells` cells.

    A 3x3 stem to C channels; stages of width C, 2C, 4C, with a residual block
    between them (Dong and Yang, 2020, section 2.1).

    Args: as `DartsTrunk`, with `num_cells` for each stage.
    """

    head_activation = True

    def __init__(
        self,
        space: Space,
        init_channels: int,
        num_cells: int,
        make_cell: MakeCell,
        search: bool,
        **kwargs,
    ):
        super().__init__(**kwargs)
        (cell_type,) = space.cell_types
        self.cell_type_name = cell_type.name
        self.stem = Stem(init_channels, not search, name="stem")
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
        shape = (batch, height, width, self.stem.channels)
        shapes = []
        for stage, cells in enumerate(self.stages):
            if stage:
                self.reductions[stage - 1].build(shape)
                height, width = math.ceil(height / 2), math.ceil(width / 2)
                shape = (batch, height, width, cells[0].channels)
            for cell in cells:
                cell.build([shape])
            shapes.append(shape)
        self.built = True
        self.feature_shapes = tuple(shapes)

    def call(self, x, cell_arguments, training=False):
        """Returns the features of the three stages; see `DartsTrunk`."""
        arguments = cell_arguments[self.cell_type_name]
        x = self.stem(x, training=training)
        features = []
        for stage, cells in enumerate(self.stages):
            if stage:
                x = self.reductions[stage - 1](x, training=training)
            for cell in cells:
                x = cell([x], training=training, **arguments)
            features.append(x)
        return features
