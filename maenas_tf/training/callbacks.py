"""What a search shows in TensorBoard, one step of the x axis an epoch.

Start it with `tensorboard --logdir RUN --samples_per_plugin images=100`:
by default it keeps ten images of a tag only.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import api as hparams_api
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from maenas_tf.analysis import plots, statistics
from maenas_tf.spaces import CellType, Genotype, Space
from maenas_tf.training import summaries

FINAL = "final/"


class TensorBoardWriter:
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

    Raises:
        ValueError: `first_epoch` is negative.

    Example:
        writer = TensorBoardWriter("run/tensorboard", SPACES.get("darts"))
        writer.write_epoch(0, {"loss/weights": 0.7}, weights, genotype)
        writer.close()
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        space: Space,
        first_epoch: int = 0,
    ):
        if first_epoch < 0:
            raise ValueError(
                f"`first_epoch` must be at least 0, received {first_epoch}."
            )
        self.directory = os.fspath(directory)
        self.space = space
        self.first_epoch = first_epoch
        self._last_step = max(first_epoch - 1, 0)
        self._pictures: dict[str, tuple[Any, summary_pb2.Summary]] = {}
        _wait_for_a_later_name(self.directory)
        self._writer = EventFileWriter(self.directory)
        # TensorBoard drops what it has read of steps >= that of a START
        # which is not the first of the directory.
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._add(first_epoch, session_log=start)
        self._add(0, summary=summaries.layout_summary(space))
        self._writer.flush()

    def __enter__(self) -> TensorBoardWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def write_epoch(
        self,
        epoch: int,
        metrics: Mapping[str, float],
        weights: Mapping[str, np.ndarray],
        genotype: Genotype,
        images: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Writes everything about one finished epoch, and flushes.

        Args:
            epoch: the epoch, counted from 0; the step on the x axis.
            metrics: scalars by tag ("loss/weights", "images_per_second").
            weights: softmaxed weights by cell type, each of the shape
                [edges, max_primitives].
            genotype: what the weights stand for.
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
        for cell_type in self.space.cell_types:
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
            values.append(self._cell_picture(genotype, cell_type.name))
        for tag, counts in (
            ("skips", statistics.count_skips(genotype)),
            ("pools", statistics.count_pools(genotype)),
        ):
            values += [
                summaries.scalar_summary(f"{tag}/{k}", v)
                for k, v in counts.items()
            ]
        for tag, image in (images or {}).items():
            values.append(summaries.image_summary(tag, image))
        values.append(text_pb("genotype", summaries.genotype_text(genotype)))
        for summary in values:
            self._add(epoch, summary=summary)
        self._last_step = epoch
        self._writer.flush()

    def write_hparams(
        self,
        config: Mapping[str, Any],
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Writes the settings and the final metrics for the HParams tab.

        Call it once, at the end: TensorBoard keeps the first settings it
        reads of a run.

        Args:
            config: settings by name; what is no number, truth value or text
                is written as text.
            metrics: final values by name, shown in the same table; they are
                the scalars `final/<name>` too.
        """
        metrics = dict(metrics or {})
        values = {
            name: summaries.hparam_value(value)
            for name, value in config.items()
        }
        experiment = hparams_api.hparams_config_pb(
            hparams=[hparams_api.HParam(name) for name in values],
            metrics=[
                hparams_api.Metric(FINAL + name, display_name=name)
                for name in metrics
            ],
        )
        self._add(0, summary=experiment)
        self._add(
            0, summary=hparams_api.hparams_pb(values, trial_id=self._trial())
        )
        for name, value in metrics.items():
            self._add(
                self._last_step,
                summary=summaries.scalar_summary(FINAL + name, value),
            )
        self._writer.flush()

    def close(self) -> None:
        """Writes what is left and closes the file; may be called twice."""
        self._writer.close()

    def _add(self, step: int, **content: Any) -> None:
        self._writer.add_event(
            event_pb2.Event(wall_time=time.time(), step=step, **content)
        )

    def _trial(self) -> str:
        """Names this run's row: two runs of equal settings stay two rows."""
        path = pathlib.Path(self.directory).absolute()
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:6]
        run = path.parent if path.name == "tensorboard" else path
        return f"{run.name} ({digest})"

    def _cell_picture(
        self, genotype: Genotype, name: str
    ) -> summary_pb2.Summary:
        """Returns the picture of a cell, drawn anew only if it changed."""
        cell = genotype.cells[name]
        if name not in self._pictures or self._pictures[name][0] != cell:
            image = plots.draw_cell(genotype, name)
            self._pictures[name] = (
                cell,
                summaries.image_summary(f"cell/{name}", image),
            )
        return self._pictures[name][1]


def _wait_for_a_later_name(directory: str) -> None:
    """Sleeps into the next second if an event file is of this second.

    Readers take the files of a directory in the order of their names, in
    which only whole seconds are sure to sort in the order of writing.
    """
    now = time.time()
    pattern = f"events.out.tfevents.{int(now):010d}.*"
    if any(pathlib.Path(directory).glob(pattern)):
        time.sleep(int(now) + 1.01 - now)


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
