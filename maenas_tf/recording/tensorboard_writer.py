"""What a search shows in TensorBoard, one step of the x axis an epoch.

Start it with `tensorboard --logdir RUN --samples_per_plugin images=100`:
by default it keeps ten images of a tag only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
from tensorboard.compat.proto import summary_pb2

from maenas_tf.figures import plots
from maenas_tf.recording import summaries
from maenas_tf.recording.event_writer import EventWriter
from maenas_tf.spaces import CellType, Genotype, Space, statistics


class TensorBoardWriter(EventWriter):
    """Writes the course of a search as TensorBoard event files.

    Each epoch: the weight of each primitive on each edge as
    `alpha_<cell type>/edge_<source>_<node>/<primitive>`, entropy, skip and
    pool counts, metrics, a heat map of the weights, a picture of each cell,
    and the genotype as text that can be pasted into `--genotype`. A layout
    for the custom-scalars tab shows a chart an edge.

    A search that is resumed opens the same directory with the first epoch it
    runs again: TensorBoard then forgets the steps from there on, which the
    interrupted process may have written already.

    Args:
        directory: where the event files go; made if missing.
        space: the search space.
        first_epoch: the first epoch that will be written.
        with_alphas: lay out charts of their weights.

    Raises:
        ValueError: `first_epoch` is negative.

    Examples:
        writer = TensorBoardWriter("run/tensorboard", SPACES.get("darts"))
        writer.write_epoch(0, {"loss/weights": 0.7}, weights, genotype)
        writer.close()
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        space: Space,
        first_epoch: int = 0,
        with_alphas: bool = True,
    ):
        super().__init__(directory, first_epoch)
        self.space = space
        if with_alphas:
            self.write_values(0, [summaries.layout_summary(space)])

    def write_epoch(
        self,
        epoch: int,
        metrics: Mapping[str, float],
        weights: Mapping[str, np.ndarray] | None,
        genotype: Genotype | None,
        images: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Writes everything about one finished epoch, and flushes.

        Args:
            epoch: the epoch, counted from 0; the step on the x axis.
            metrics: scalars by tag ("loss/weights", "images_per_second").
            weights: softmaxed weights by cell type, each of the shape
                [edges, max_primitives]; None where there are none.
            genotype: what the weights stand for, or None.
            images: more pictures by tag ("reconstructions"), uint8
                [H, W, 3].

        Raises:
            ValueError: a cell type is missing from `weights`, or a weight
                matrix or an image has the wrong shape.
        """
        values = [
            summaries.scalar_summary(tag, value)
            for tag, value in metrics.items()
        ]
        for cell_type in () if weights is None else self.space.cell_types:
            matrix = _used_weights(weights, cell_type)
            values += _weight_scalars(matrix, cell_type)
            entropy = statistics.entropy(np.nan_to_num(matrix))
            values.append(
                summaries.scalar_summary(f"entropy/{cell_type.name}", entropy)
            )
            heat_map = plots.draw_alphas(matrix, cell_type)
            values.append(
                summaries.image_summary(f"alphas/{cell_type.name}", heat_map)
            )
        if genotype is not None:
            values += _counts(genotype) + self.genotype_values(genotype)
        for tag, image in (images or {}).items():
            values.append(summaries.image_summary(tag, image))
        self.write_values(epoch, values)


def _counts(genotype: Genotype) -> list[summary_pb2.Summary]:
    """Returns the numbers of skips and pools of each cell type."""
    return [
        summaries.scalar_summary(f"{tag}/{kind}", count)
        for tag, counts in (
            ("skips", statistics.count_skips(genotype)),
            ("pools", statistics.count_pools(genotype)),
        )
        for kind, count in counts.items()
    ]


def _used_weights(
    weights: Mapping[str, np.ndarray], cell_type: CellType
) -> np.ndarray:
    """Returns a cell type's weights, checked, with zeros where unused."""
    if cell_type.name not in weights:
        raise ValueError(
            f"`weights` lacks the cell type {cell_type.name!r}; it has "
            f"{', '.join(weights) or 'none'}."
        )
    matrix = np.array(weights[cell_type.name], np.float64)
    expected = (cell_type.num_edges, cell_type.max_primitives)
    if matrix.shape != expected:
        raise ValueError(
            f"`weights[{cell_type.name!r}]` must have the shape "
            f"{list(expected)} (edges, primitives), received "
            f"{list(matrix.shape)}."
        )
    for edge in cell_type.edges:
        matrix[edge.index, len(edge.primitives) :] = 0.0
    return matrix


def _weight_scalars(
    matrix: np.ndarray, cell_type: CellType
) -> list[summary_pb2.Summary]:
    """Returns one scalar for each primitive on each edge."""
    return [
        summaries.scalar_summary(
            f"{summaries.edge_tag(cell_type, edge)}/{primitive}",
            matrix[edge.index, column],
        )
        for edge in cell_type.edges
        for column, primitive in enumerate(edge.primitives)
    ]
