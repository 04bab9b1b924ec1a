"""A whole training from scratch: from a genotype and images to a network."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import shutil
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data.augment import make_augmentation
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.labelled import (
    evaluation_dataset,
    split_validation,
    training_dataset,
    training_steps,
)
from maenas_tf.data.labels import balanced_weights
from maenas_tf.engine.checkpoints import RunCheckpoint
from maenas_tf.engine.console import say
from maenas_tf.engine.loop import Loop
from maenas_tf.engine.optimization import SGD
from maenas_tf.engine.own_runtime import OwnRuntime
from maenas_tf.engine.runtime import (
    load_configured,
    speed_facts,
    start_runtime,
    versions,
)
from maenas_tf.engine.signals import SignalWatch
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.models.network import Network
from maenas_tf.recording.event_writer import EventWriter
from maenas_tf.recording.history import History
from maenas_tf.runs import files, kinds
from maenas_tf.runs.data_record import (
    check_data,
    read_data,
    read_notes,
    record_data,
    refuse_changes,
    write_notes,
)
from maenas_tf.runs.run_directory import RunDirectory, as_begun
from maenas_tf.runs.run_genotype import check_stored, find_genotype
from maenas_tf.skeletons import evaluation_size, make_plan
from maenas_tf.spaces import SPACES, Space
from maenas_tf.training.config import TrainConfig
from maenas_tf.training.evaluation import Evaluator, inference_parameters
from maenas_tf.training.retrainer import Retrainer
from maenas_tf.training.schedules import drop_path_rate, learning_rate
from maenas_tf.training.trained_run import Preprocessing, read_preprocessing

# Of the darts family's evaluation (Liu et al., 2019).
AUXILIARY_WEIGHT = 0.4


def auxiliary_weight(config: TrainConfig, space: Space) -> float:
    """Returns the weight of the auxiliary head's loss; 0 is no such head."""
    if config.auxiliary_weight >= 0:
        return config.auxiliary_weight
    plan = make_plan(space, evaluation_size(space, config.stem))
    return 0.0 if plan.auxiliary is None else AUXILIARY_WEIGHT


@dataclasses.dataclass(frozen=True, eq=False)
class TrainResult:
    """What a training leaves behind.

    Attributes:
        network: with the weights of the last epoch.
        history: a row an epoch, as in history.csv.
        summary: as in summary.json.
    """

    network: Network
    history: list[dict[str, Any]]
    summary: dict[str, Any]


class TrainExperiment:
    """Builds everything that training a network needs and trains it.

    From scratch: of the search only the genotype is used, none of its
    weights.

    Args:
        config: the configuration; a run that is older than a setting keeps
            to what held before.
        run_dir: the run directory.
        image_set: the images, with labels; None loads those of the
            configuration.
        resume: whether a run that is in `run_dir` goes on.
        signals: looked at between calls of the graph.
        checkpoint_seconds: longest time between checkpoints.
    """

    def __init__(
        self,
        config: TrainConfig,
        run_dir: str | pathlib.Path,
        image_set: ImageSource | None = None,
        resume: bool = True,
        signals: SignalWatch | None = None,
        checkpoint_seconds: float = 600.0,
    ):
        self.genotype = find_genotype(config.genotype, run_dir)
        self.space = SPACES.get(self.genotype.space)
        config = as_begun(config, run_dir)
        # The run directory tells the weight, as those of old runs do.
        self.config = config = config.replace(
            auxiliary_weight=auxiliary_weight(config, self.space)
        )
        self.run_directory = RunDirectory(run_dir, config, resume)
        self.history = History()
        self.tensorboard: EventWriter | None = None
        self.runtime = OwnRuntime()
        with contextlib.ExitStack() as on_error, self.runtime:
            on_error.callback(self.run_directory.close)
            check_stored(self.genotype, self.run_directory.path)
            self._prepare(image_set, signals, checkpoint_seconds)
            on_error.pop_all()

    def _prepare(self, image_set, signals, checkpoint_seconds) -> None:
        config = self.config
        self.strategy = start_runtime(config)
        self.notes = read_notes(self.run_directory.path)
        self.images = image_set or load_configured(config, True, self.notes)
        self.identity = self.images.identity(config.split)
        self._check_data()
        self._check_images()
        self.training, self.validation = split_validation(
            self.images.labels,
            config.validation_fraction,
            config.seed,
            config.validation_split == "stratified",
        )
        self.class_weights = self._weigh_classes()
        one_pass = training_steps(len(self.training), config.batch_size)
        self.steps = config.steps_per_epoch or one_pass
        self.augmentation = make_augmentation(config, config.cutout)
        with self.strategy.scope():
            self.retrainer = self._build()
        self.evaluator = Evaluator(self.retrainer.network)
        self.loop = Loop(
            StepRunner(self.retrainer, self.strategy, config.jit_compile),
            RunCheckpoint(
                self.run_directory.path / files.CHECKPOINTS,
                self.retrainer.variable_groups,
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

    def _check_data(self) -> None:
        path = self.run_directory.path
        check_data(path, self.identity)
        if read_data(path) is None and (path / files.PREPROCESSING).exists():
            # Older runs tell what would turn answers into others.
            then = read_preprocessing(path)
            before = dataclasses.replace(
                self.identity,
                image_size=then.image_size,
                class_names=then.class_names,
            )
            refuse_changes(path, before, self.identity)

    def _check_images(self) -> None:
        if self.images.labels is None or self.images.num_classes < 2:
            raise ConfigError(
                f"--dataset={self.config.dataset} has labels of "
                f"{self.images.num_classes} class(es); training needs at "
                f"least 2."
            )
        if self.config.cutout >= self.images.image_size:
            raise ConfigError(
                f"--cutout={self.config.cutout} blanks whole images, which "
                f"are {self.images.image_size} pixels a side; give less, or "
                f"0 for none."
            )

    def _weigh_classes(self) -> dict[str, float]:
        """Returns the weight of each class, by what is trained on alone."""
        if self.config.class_weight == "none":
            return {}
        names = self.images.class_names
        labels = self.images.labels[self.training]
        weights = balanced_weights(np.bincount(labels, minlength=len(names)))
        return dict(zip(names, weights.tolist(), strict=True))

    def _build(self) -> Retrainer:
        config = self.config
        size = evaluation_size(
            self.space, config.stem, num_cells=config.num_cells
        )
        network = Network(
            self.genotype,
            self.images.num_classes,
            config.init_channels,
            size.num_cells,
            self.images.image_size,
            config.stem,
            auxiliary=config.auxiliary_weight > 0,
            drop_path=config.drop_path > 0,
        )
        retrainer = Retrainer(
            network,
            config.weight_decay,
            config.clip_norm,
            config.auxiliary_weight,
            config.label_smoothing,
            tuple(self.class_weights.values()),
        )
        retrainer.compile(
            SGD(
                config.learning_rate,
                config.momentum,
                config.nesterov,
                name="optimizer",  # Or Keras counts, and checkpoints differ.
            )
        )
        return retrainer

    def _dataset(self, epoch: int, start_step: int) -> tf.data.Dataset:
        return training_dataset(
            self.images,
            self.training,
            batch_size=self.config.batch_size,
            seed=self.config.seed,
            epoch=epoch,
            augmentation=self.augmentation,
            steps=self.steps,
            start_step=start_step,
        )

    def run(self) -> TrainResult:
        """Trains the network, or goes on with it.

        Raises:
            Interrupted: a signal came; a checkpoint was written.
            Diverged: a loss was not finite.
        """
        try:
            with self.runtime, self.images.failures_told():
                self._run()
        finally:
            self.run_directory.close()
        return TrainResult(
            self.retrainer.network,
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
        return Preprocessing(
            self.images.image_size,
            self.images.mean,
            self.images.std,
            self.images.class_names,
            self.images.name,
            self.images.pixels,
        )

    def _start_epoch(self, epoch: int) -> None:
        rate = learning_rate(self.config, epoch)
        self.retrainer.optimizer.learning_rate = rate
        if self.config.drop_path:
            rate = drop_path_rate(self.config, epoch)
            self.retrainer.network.drop_path_rate.assign(rate)

    def _end_epoch(
        self, epoch: int, means: dict[str, float], seconds: float
    ) -> None:
        config, run = self.config, self.run_directory
        network = self.retrainer.network
        count = self.steps * config.batch_size
        row = {
            "epoch": epoch,
            **means,
            **self._validate(),
            "learning_rate": learning_rate(config, epoch),
            "drop_path_rate": drop_path_rate(config, epoch),
            "images_per_second": round(count / max(seconds, 1e-9), 1),
            "seconds": round(seconds, 3),
        }
        with run.replacing(files.LAST) as path:
            network.save(path)
        self.history.append_row(row)
        self.history.write(run)
        best = _best(self.history.rows)
        if best is not None and best["epoch"] == epoch:
            with run.replacing(files.BEST) as path:
                shutil.copyfile(run.path / files.LAST, path)
        self.tensorboard.write_scalars(epoch, _scalars(row))
        shown = ", ".join(
            f"{name.replace('_', ' ')} {row[name]:.4f}"
            for name in (*means, "validation_loss", "validation_accuracy")
            if name in row
        )
        say(
            f"epoch {epoch + 1}/{config.epochs}: {shown} "
            f"({row['images_per_second']} images/s)"
        )

    def _validate(self) -> dict[str, float]:
        if not len(self.validation):
            return {}
        # Four times the images: nothing is kept for a backward pass.
        dataset = evaluation_dataset(
            self.images, 4 * self.config.batch_size, self.validation
        )
        result = self.evaluator(dataset)
        return {
            "validation_loss": result.loss,
            "validation_accuracy": result.top1,
        }

    def _finish(self) -> None:
        rows, network = self.history.rows, self.retrainer.network
        best = _best(rows)
        last = {
            name: float(rows[-1][name])
            for name in ("train_loss", "train_accuracy", "validation_accuracy")
            if name in rows[-1]
        }
        summary = {
            "genotype": self.genotype.to_dict(),
            **speed_facts(self.loop, rows, "seconds_train"),
            "parameters": inference_parameters(network),
            "seed": self.config.seed,
            "versions": versions(),
            "dataset": self.images.name,
            "num_images": len(self.training),
            "num_validation_images": len(self.validation),
            "num_skipped_files": self.images.num_skipped,
            "num_other_files": self.images.num_others,
            "num_labels_read": len(self.images.labels),
            "init_channels": self.config.init_channels,
            "num_cells": network.num_cells,
            "replicas": self.strategy.num_replicas_in_sync,
            **last,
        }
        if self.class_weights:
            summary["class_weights"] = self.class_weights
        if best is not None:
            summary["best_epoch"] = int(best["epoch"])
            accuracy = float(best["validation_accuracy"])
            summary["best_validation_accuracy"] = accuracy
        self.tensorboard.write_hparams(self.config.to_dict(), last)
        self.run_directory.write_summary(kinds.TRAINING, summary)


def _best(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Returns the first row of the highest validation accuracy, if any."""
    if not rows or "validation_accuracy" not in rows[0]:
        return None
    return max(rows, key=lambda row: float(row["validation_accuracy"]))


def _scalars(row: dict[str, Any]) -> dict[str, float]:
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
