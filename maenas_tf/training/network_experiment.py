"""What all trainings of a found network have in common."""

from __future__ import annotations

import abc
import contextlib
import pathlib
from typing import Any, Generic, TypeVar

import numpy as np
import tensorflow as tf

from maenas_tf.config import Config
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.labelled import training_steps
from maenas_tf.engine.checkpoints import RunCheckpoint
from maenas_tf.engine.console import say
from maenas_tf.engine.loop import Loop
from maenas_tf.engine.optimization import SGD
from maenas_tf.engine.own_runtime import OwnRuntime
from maenas_tf.engine.runtime import (
    load_configured,
    run_facts,
    speed_facts,
    start_runtime,
)
from maenas_tf.engine.signals import SignalWatch
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.engine.step_store import StepStore, open_store
from maenas_tf.recording.event_writer import EventWriter, scalars_of_row
from maenas_tf.recording.history import History
from maenas_tf.runs import files
from maenas_tf.runs.data_record import (
    check_data,
    read_notes,
    record_data,
    write_notes,
)
from maenas_tf.runs.run_directory import RunDirectory, as_begun
from maenas_tf.runs.run_genotype import check_stored, find_genotype
from maenas_tf.spaces import SPACES
from maenas_tf.training.schedules import learning_rate
from maenas_tf.training.step_model import StepModel
from maenas_tf.training.trained_run import Preprocessing

ConfigType = TypeVar("ConfigType", bound=Config)


class NetworkExperiment(abc.ABC, Generic[ConfigType]):
    """Builds everything that training a network needs and trains it.

    Args:
        config: the configuration; a run that is older than a setting keeps
            to what held before.
        run_dir: the run directory.
        image_set: the images; None loads those of the configuration.
        resume: whether a run that is in `run_dir` goes on.
        signals: looked at between calls of the graph.
        checkpoint_seconds: longest time between checkpoints.

    Attributes:
        reads_labels: whether images are loaded with their labels.
        kind: of the run, as of `maenas_tf.runs.kinds`.
        seconds_name: of its seconds in the summary.
        told_figures: columns of the history whose last values it tells.
        training: indices of the images that are trained on.
        model: makes the steps.
    """

    reads_labels: bool
    kind: str
    seconds_name: str
    told_figures: tuple[str, ...] = ("validation_accuracy",)
    training: np.ndarray
    model: StepModel

    def __init__(
        self,
        config: ConfigType,
        run_dir: str | pathlib.Path,
        image_set: ImageSource | None = None,
        resume: bool = True,
        signals: SignalWatch | None = None,
        checkpoint_seconds: float = 600.0,
    ):
        self.genotype = find_genotype(config.genotype, run_dir)
        self.space = SPACES.get(self.genotype.space)
        self.config = config = self._completed(as_begun(config, run_dir))
        self.run_directory = RunDirectory(run_dir, config, resume)
        self.history = History()
        self.tensorboard: EventWriter | None = None
        self.runtime = OwnRuntime()
        with contextlib.ExitStack() as on_error, self.runtime:
            on_error.callback(self.run_directory.close)
            check_stored(self.genotype, self.run_directory.path)
            self._prepare(image_set, signals, checkpoint_seconds)
            on_error.pop_all()

    def _completed(self, config: ConfigType) -> ConfigType:
        """Returns the configuration with what the genotype decides."""
        return config

    def _prepare(self, image_set, signals, checkpoint_seconds) -> None:
        config = self.config
        self.strategy = start_runtime(config)
        self.notes = read_notes(self.run_directory.path)
        self._load(image_set)
        self._check_data()
        self._choose_images()
        one_pass = training_steps(len(self.training), config.batch_size)
        self.steps = config.steps_per_epoch or one_pass
        with self.strategy.scope():
            self.model = self._build()
            self.model.compile(
                SGD(
                    config.learning_rate,
                    config.momentum,
                    config.nesterov,
                    name="optimizer",  # Or Keras counts: checkpoints differ.
                )
            )
        self.loop = Loop(
            StepRunner(
                self.model,
                self.strategy,
                config.jit_compile,
                self._store(),
            ),
            RunCheckpoint(
                self.run_directory.path / files.CHECKPOINTS,
                self.model.variable_groups,
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

    def _store(self) -> StepStore | None:
        """Returns where traced steps are kept."""
        return open_store(self.config.step_cache, self.strategy)

    def _load(self, image_set: ImageSource | None) -> None:
        """Sets `images` and `identity`."""
        self.images = image_set or load_configured(
            self.config, self.reads_labels, self.notes
        )
        self.identity = self.images.identity(self.config.split)

    def _check_data(self) -> None:
        check_data(self.run_directory.path, self.identity)

    @abc.abstractmethod
    def _choose_images(self) -> None:
        """Checks the images and sets `training`."""

    @abc.abstractmethod
    def _build(self) -> StepModel:
        """Returns what makes the steps, not compiled."""

    @abc.abstractmethod
    def _dataset(self, epoch: int, start_step: int) -> tf.data.Dataset:
        """Returns the batches of an epoch from a step on."""

    def run(self) -> Any:
        """Trains the network, or goes on with it; returns the result.

        Raises:
            Interrupted: a signal came; a checkpoint was written.
            Diverged: a loss was not finite.
        """
        try:
            with self.runtime, self.images.failures_told():
                self._run()
                return self._result()
        finally:
            self.run_directory.close()

    @abc.abstractmethod
    def _result(self) -> Any:
        """Returns what `run` returns."""

    def _run(self) -> None:
        run, config = self.run_directory, self.config
        resumed = self.loop.restore()
        epoch = self.loop.state["epoch"]
        self.history.resume(run, epoch, with_arrays=False)
        record_data(run.path, self.identity, begins=not resumed)
        write_notes(run.path, self.notes)
        if not resumed:
            self._begin()
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

    def _begin(self) -> None:
        """Gives the network what it begins with, besides chance."""

    def _preprocessing(self) -> Preprocessing:
        return Preprocessing(
            self.images.image_size,
            self.images.mean,
            self.images.std,
            self.images.class_names,
            self.images.name,
            self.images.pixels,
        )

    def _rate(self, epoch: int) -> float:
        """Returns the learning rate of an epoch."""
        return learning_rate(self.config, epoch)

    def _start_epoch(self, epoch: int) -> None:
        self.model.optimizer.learning_rate = self._rate(epoch)

    def _end_epoch(
        self, epoch: int, means: dict[str, float], seconds: float
    ) -> None:
        config = self.config
        count = self.steps * config.batch_size
        row = {
            "epoch": epoch,
            **means,
            **self._figures(epoch),
            "images_per_second": round(count / max(seconds, 1e-9), 1),
            "seconds": round(seconds, 3),
        }
        self._keep(row)
        self.tensorboard.write_scalars(epoch, scalars_of_row(row))
        shown = ", ".join(
            f"{name.replace('_', ' ')} {row[name]:.4f}"
            for name in row
            if name in means or name.startswith("validation_")
        )
        say(
            f"epoch {epoch + 1}/{config.epochs}: {shown} "
            f"({row['images_per_second']} images/s)"
        )

    def _figures(self, epoch: int) -> dict[str, float]:
        """Returns the columns of the history besides losses and speed."""
        return {"learning_rate": self._rate(epoch)}

    def _keep(self, row: dict[str, Any]) -> None:
        """Writes what an epoch leaves into the run directory."""
        self.history.append_row(row)
        self.history.write(self.run_directory)

    @abc.abstractmethod
    def _summary(self) -> dict[str, Any]:
        """Returns what the summary tells besides what all runs tell."""

    def _finish(self) -> None:
        rows = self.history.rows
        own = self._summary()
        last = {
            name: float(rows[-1][name])
            for name in (*self.model.metric_keys[::-1], *self.told_figures)
            if name in rows[-1]
        }
        summary = {
            "genotype": self.genotype.to_dict(),
            **speed_facts(self.loop, rows, self.seconds_name),
            **run_facts(self.config.seed, self.images),
            "num_images": len(self.training),
            "init_channels": self.config.init_channels,
            "num_cells": self.model.network.num_cells,
            "replicas": self.strategy.num_replicas_in_sync,
            **last,
            **own,
        }
        self.tensorboard.write_hparams(self.config.to_dict(), last)
        self.run_directory.write_summary(self.kind, summary)
