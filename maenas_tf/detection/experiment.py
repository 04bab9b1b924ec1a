"""A whole training of a detector: from a genotype, images and boxes."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import shutil
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.data.labelled import split_validation, training_steps
from maenas_tf.detection.batches import training_batches
from maenas_tf.detection.boxed_images import BoxedImages
from maenas_tf.detection.build import build_detector, save_weights
from maenas_tf.detection.config import DetectConfig
from maenas_tf.detection.finding import Finder
from maenas_tf.detection.load import load_boxed
from maenas_tf.detection.retinanet import Detector
from maenas_tf.detection.trainer import DetectorTrainer
from maenas_tf.engine.checkpoints import RunCheckpoint, latest_checkpoint
from maenas_tf.engine.console import say
from maenas_tf.engine.loop import Loop, cosine_rate
from maenas_tf.engine.optimization import SGD
from maenas_tf.engine.own_runtime import OwnRuntime
from maenas_tf.engine.runtime import speed_facts, start_runtime, versions
from maenas_tf.engine.signals import SignalWatch
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.models.backbone import transfer_weights
from maenas_tf.models.complexity import count_parameters
from maenas_tf.recording.event_writer import EventWriter
from maenas_tf.recording.history import History
from maenas_tf.runs import files, kinds
from maenas_tf.runs.data_record import (
    check_data,
    read_notes,
    record_data,
    write_notes,
)
from maenas_tf.runs.run_directory import RunDirectory, as_begun
from maenas_tf.runs.run_genotype import check_stored, find_genotype
from maenas_tf.training.initial_weights import load_initial
from maenas_tf.training.trained_run import Preprocessing


@dataclasses.dataclass(frozen=True, eq=False)
class DetectResult:
    """What a detector's training leaves behind.

    Attributes:
        detector: with the weights of the last epoch.
        history: a row an epoch, as in history.csv.
        summary: as in summary.json.
    """

    detector: Detector
    history: list[dict[str, Any]]
    summary: dict[str, Any]


class DetectExperiment:
    """Builds everything that training a detector needs and trains it.

    Args:
        config: the configuration.
        run_dir: the run directory.
        data: images and boxes; None loads those of the configuration.
        resume: whether a run that is in `run_dir` goes on.
        signals: looked at between calls of the graph.
        checkpoint_seconds: longest time between checkpoints.
    """

    def __init__(
        self,
        config: DetectConfig,
        run_dir: str | pathlib.Path,
        data: BoxedImages | None = None,
        resume: bool = True,
        signals: SignalWatch | None = None,
        checkpoint_seconds: float = 600.0,
    ):
        self.genotype = find_genotype(config.genotype, run_dir)
        self.config = config = as_begun(config, run_dir)
        self.run_directory = RunDirectory(run_dir, config, resume)
        self.history = History()
        self.tensorboard: EventWriter | None = None
        self.runtime = OwnRuntime()
        with contextlib.ExitStack() as on_error, self.runtime:
            on_error.callback(self.run_directory.close)
            check_stored(self.genotype, self.run_directory.path)
            self._prepare(data, signals, checkpoint_seconds)
            on_error.pop_all()

    def _prepare(self, data, signals, checkpoint_seconds) -> None:
        config = self.config
        self.strategy = start_runtime(config)
        self.notes = read_notes(self.run_directory.path)
        self.data = data or load_boxed(config, self.notes)
        self.identity = self.data.identity(config.split)
        check_data(self.run_directory.path, self.identity)
        self.training, self.validation = split_validation(
            np.zeros(self.data.images.num_images, np.int64),
            config.validation_fraction,
            config.seed,
            stratified=False,
        )
        one_pass = training_steps(len(self.training), config.batch_size)
        self.steps = config.steps_per_epoch or one_pass
        with self.strategy.scope():
            self.trainer = self._build()
        self.finder = Finder(self.trainer.detector)
        self.loop = Loop(
            StepRunner(self.trainer, self.strategy, config.jit_compile),
            RunCheckpoint(
                self.run_directory.path / files.CHECKPOINTS,
                self.trainer.variable_groups,
            ),
            self._dataset,
            self._start_epoch,
            self._end_epoch,
            config.epochs,
            self.steps,
            signals,
            checkpoint_seconds,
            images_per_step=lambda: config.batch_size,
        )

    def _build(self) -> DetectorTrainer:
        config = self.config
        detector = build_detector(
            config, self.genotype, len(self.data.class_names)
        )
        checkpoints = self.run_directory.path / files.CHECKPOINTS
        # A run that goes on has its own weights; the other may be gone.
        if config.init_from and latest_checkpoint(checkpoints) is None:
            initial = load_initial(config, self.genotype)
            transfer_weights(initial.model, detector.backbone)
        trainer = DetectorTrainer(
            detector, config.weight_decay, config.clip_norm
        )
        trainer.compile(
            SGD(
                config.learning_rate,
                config.momentum,
                config.nesterov,
                name="optimizer",  # Or Keras counts, and checkpoints differ.
            )
        )
        return trainer

    def _dataset(self, epoch: int, start_step: int) -> tf.data.Dataset:
        return training_batches(
            self.data,
            self.training,
            batch_size=self.config.batch_size,
            seed=self.config.seed,
            epoch=epoch,
            flip=self.config.flip,
            steps=self.steps,
            start_step=start_step,
        )

    def run(self) -> DetectResult:
        """Trains the detector, or goes on with it.

        Raises:
            Interrupted: a signal came; a checkpoint was written.
            Diverged: a loss was not finite.
        """
        try:
            with self.runtime, self.data.images.failures_told():
                self._run()
        finally:
            self.run_directory.close()
        return DetectResult(
            self.trainer.detector,
            list(self.history.rows),
            self.run_directory.read_summary() or {},
        )

    def _run(self) -> None:
        run, config = self.run_directory, self.config
        resumed = self.loop.restore()
        epoch = self.loop.state["epoch"]
        self.history.resume(run, epoch, with_arrays=False)
        record_data(run.path, self.identity, begins=not resumed)
        write_notes(run.path, self.notes)
        if not resumed:
            run.write_genotype(self.genotype)
            run.write_text(files.PREPROCESSING, self._preprocessing().to_json())
            run.write_config(config)
            self.loop.save()
        elif epoch < config.epochs:
            step = self.loop.state["step"]
            say(f"going on after {step} steps of epoch {epoch + 1}")
        if epoch < config.epochs or run.read_summary() is None:
            with EventWriter(run.path / files.TENSORBOARD, epoch) as writer:
                self.tensorboard = writer
                writer.write_values(
                    epoch, writer.genotype_values(self.genotype)
                )
                self.loop.run()
                self._finish()

    def _preprocessing(self) -> Preprocessing:
        images = self.data.images
        return Preprocessing(
            images.image_size,
            images.mean,
            images.std,
            self.data.class_names,
            images.name,
            images.pixels,
        )

    def _rate(self, epoch: int) -> float:
        config = self.config
        rate = cosine_rate(config.learning_rate, 0.0, epoch, config.epochs)
        return rate * min(1.0, (epoch + 1) / max(config.warmup_epochs, 1))

    def _start_epoch(self, epoch: int) -> None:
        self.trainer.optimizer.learning_rate = self._rate(epoch)

    def _end_epoch(
        self, epoch: int, means: dict[str, float], seconds: float
    ) -> None:
        config, run = self.config, self.run_directory
        count = self.steps * config.batch_size
        row = {
            "epoch": epoch,
            **means,
            **self._validate(),
            "learning_rate": self._rate(epoch),
            "images_per_second": round(count / max(seconds, 1e-9), 1),
            "seconds": round(seconds, 3),
        }
        save_weights(self.trainer.detector, run.path / files.LAST_WEIGHTS)
        self.history.append_row(row)
        self.history.write(run)
        best = best_epoch(self.history.rows)
        if best is not None and best["epoch"] == epoch:
            with run.replacing(files.BEST_WEIGHTS) as path:
                shutil.copyfile(run.path / files.LAST_WEIGHTS, path)
        scalars = {
            name.replace("_", "/", 1)
            if name.startswith(("train_", "validation_"))
            else name: value
            for name, value in row.items()
            if name != "epoch"
        }
        self.tensorboard.write_scalars(epoch, scalars)
        shown = ", ".join(
            f"{name.replace('_', ' ')} {row[name]:.4f}"
            for name in (*means, "validation_ap", "validation_ap50")
            if name in row
        )
        say(
            f"epoch {epoch + 1}/{config.epochs}: {shown} "
            f"({row['images_per_second']} images/s)"
        )

    def _validate(self) -> dict[str, float]:
        if not len(self.validation):
            return {}
        found = self.finder.measure(
            self.data, self.config.batch_size, self.validation
        )
        return {f"validation_{name}": found[name] for name in ("ap", "ap50")}

    def _finish(self) -> None:
        rows, data = self.history.rows, self.data
        best = best_epoch(rows)
        last = {
            name: float(rows[-1][name])
            for name in ("train_loss", "validation_ap", "validation_ap50")
            if name in rows[-1]
        }
        summary = {
            "genotype": self.genotype.to_dict(),
            **speed_facts(self.loop, rows, "seconds_train"),
            "parameters": count_parameters(self.trainer.network),
            "backbone_parameters": count_parameters(
                self.trainer.detector.backbone
            ),
            "seed": self.config.seed,
            "versions": versions(),
            "dataset": data.images.name,
            "num_images": len(self.training),
            "num_validation_images": len(self.validation),
            "num_skipped_files": data.images.num_skipped,
            "num_classes": len(data.class_names),
            "num_boxes": data.num_boxes,
            "num_dropped_boxes": data.num_dropped,
            "num_cut_boxes": data.num_cut,
            "num_images_without_boxes": data.num_without,
            "replicas": self.strategy.num_replicas_in_sync,
            **last,
        }
        if best is not None:
            summary["best_epoch"] = int(best["epoch"])
            summary["best_validation_ap"] = float(best["validation_ap"])
        self.tensorboard.write_hparams(self.config.to_dict(), last)
        self.run_directory.write_summary(kinds.DETECTION, summary)


def best_epoch(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Returns the first row of the highest validation AP, if any."""
    if not rows or "validation_ap" not in rows[0]:
        return None
    return max(rows, key=lambda row: float(row["validation_ap"]))
