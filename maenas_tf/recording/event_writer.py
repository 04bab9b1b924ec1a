"""TensorBoard event files that a resumed run goes on with.

One step of the x axis is an epoch.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any, Self

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from maenas_tf.config.printable import printable
from maenas_tf.figures import plots
from maenas_tf.recording import summaries
from maenas_tf.runs import atomic, files
from maenas_tf.spaces import Genotype

FINAL = "final/"


class EventWriter:
    """Writes summaries of a run that may be resumed.

    A run that is resumed opens the same directory with the first epoch it
    runs again: TensorBoard then forgets the steps from there on, which the
    interrupted process may have written already.

    Args:
        directory: where the event files go; made if missing.
        first_epoch: the first epoch that will be written.

    Raises:
        ValueError: `first_epoch` is negative.
        OSError: the file cannot be written, here or later.
    """

    def __init__(self, directory: str | os.PathLike[str], first_epoch: int = 0):
        if first_epoch < 0:
            raise ValueError(
                f"`first_epoch` must be at least 0, received {first_epoch}."
            )
        self.directory = os.fspath(directory)
        self.first_epoch = first_epoch
        self._last_step = max(first_epoch - 1, 0)
        self._pictures: dict[str, tuple[Any, summary_pb2.Summary]] = {}
        _wait_for_a_later_name(self.directory)
        os.makedirs(self.directory, exist_ok=True)
        self._path = os.path.join(
            self.directory,
            f"events.out.tfevents.{int(time.time()):010d}."
            f"{socket.gethostname()}.{os.getpid()}",
        )
        # At once and not by a thread, whose errors nobody could tell.
        self._file = open(self._path, "wb")
        self._records = RecordWriter(self._file)
        self._write(event_pb2.Event(file_version="brain.Event:2"))
        # TensorBoard drops what it has read of steps >= that of a START
        # which is not the first of the directory.
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._add(first_epoch, session_log=start)
        self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def write_values(
        self, epoch: int, values: Iterable[summary_pb2.Summary]
    ) -> None:
        """Writes summaries of an epoch, and flushes."""
        for summary in values:
            self._add(epoch, summary=summary)
        self._last_step = max(self._last_step, epoch)
        self._flush()

    def write_scalars(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Writes numbers of an epoch by tag."""
        self.write_values(
            epoch,
            [summaries.scalar_summary(tag, v) for tag, v in metrics.items()],
        )

    def genotype_values(self, genotype: Genotype) -> list[summary_pb2.Summary]:
        """Returns a picture of each cell, and the line to paste."""
        pictures = [
            self._cell_picture(genotype, name) for name in genotype.cells
        ]
        text = text_pb("genotype", summaries.genotype_text(genotype))
        return [*pictures, text]

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
        experiment = hparams.hparams_config_pb(
            hparams=[hparams.HParam(name) for name in values],
            metrics=[
                hparams.Metric(FINAL + name, display_name=name)
                for name in metrics
            ],
        )
        trial = hparams.hparams_pb(values, trial_id=self._trial())
        final = [
            summaries.scalar_summary(FINAL + name, value)
            for name, value in metrics.items()
        ]
        self.write_values(0, [experiment, trial])
        self.write_values(self._last_step, final)

    def close(self) -> None:
        """Writes what is left and closes the file; may be called twice."""
        with atomic.naming(self._path):
            self._file.close()

    def _add(self, step: int, **content: Any) -> None:
        self._write(event_pb2.Event(step=step, **content))

    def _write(self, event: event_pb2.Event) -> None:
        event.wall_time = time.time()
        with atomic.naming(self._path):
            self._records.write(event.SerializeToString())

    def _flush(self) -> None:
        with atomic.naming(self._path):
            self._file.flush()

    def _trial(self) -> str:
        """Names this run's row: two runs of equal settings stay two rows."""
        path = pathlib.Path(self.directory).absolute()
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:6]
        run = path.parent if path.name == files.TENSORBOARD else path
        return f"{printable(run.name)} ({digest})"

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


def scalars_of_row(row: dict[str, Any]) -> dict[str, float]:
    """Groups a history row's figures under TensorBoard tags."""
    groups = {"train": "train/", "validation": "validation/"}
    return {
        next(
            (
                tag + name.removeprefix(f"{start}_")
                for start, tag in groups.items()
                if name.startswith(f"{start}_")
            ),
            name,
        ): value
        for name, value in row.items()
        if name != "epoch"
    }
