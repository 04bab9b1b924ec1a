"""The trunk: what a plan places, as layers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from maenas_tf.models.cell import Cell, NetworkCell, SearchCell
from maenas_tf.models.fixed_layers import LAYERS
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.replica import replicas_of_statistics
from maenas_tf.ops.sharing import SharedFunctions, pays, sharing
from maenas_tf.skeletons import plan
from maenas_tf.skeletons.costs import half
from maenas_tf.spaces import Genotype

CELL = plan.Cell.form


class Trunk(keras.layers.Layer):
    """All layers of a plan, for supernet, network and backbone alike.

    Args:
        plan: what stands where.
        genotype: what is chosen; None places all candidates.
        search: the search's form of normalisation and primitives, else the
            network's.
        make_edge: makes what stands on an edge where nothing is chosen,
            `MixedOp` or alike.
        recompute: compute the candidates again for their gradient.

    Attributes:
        functions: those of its equal parts in training, if it has enough.
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
        self._shares = pays(self._parts())

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

    def _parts(self) -> list[MixedOp | NetworkCell]:
        """Returns what may be shared with its equals."""
        cells = [x for x in self.placed if isinstance(x, Cell)]
        if self.genotype is not None:
            return cells
        return [edge for cell in cells for edge in cell.edges]

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
        share = contextlib.nullcontext()
        if training and (self._shares or replicas_of_statistics() > 1):
            share = sharing(self.functions)
        with share:
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
