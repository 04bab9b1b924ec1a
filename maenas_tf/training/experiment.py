"""A whole training: from a genotype and labelled images to a network."""

from __future__ import annotations

import dataclasses
import shutil
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data.augment import make_augmentation
from maenas_tf.data.labelled import (
    choose_labelled,
    evaluation_dataset,
    split_validation,
    training_dataset,
)
from maenas_tf.data.labels import balanced_weights
from maenas_tf.engine.checkpoints import latest_checkpoint
from maenas_tf.engine.devices import set_seeds
from maenas_tf.models.network import Network
from maenas_tf.runs import files, kinds
from maenas_tf.runs.data_record import read_data, refuse_changes
from maenas_tf.skeletons import evaluation_size, make_plan
from maenas_tf.spaces import Space
from maenas_tf.training.config import TrainConfig
from maenas_tf.training.evaluation import Evaluator, inference_parameters
from maenas_tf.training.initial_weights import (
    InitialWeights,
    layer_factors,
    load_initial,
)
from maenas_tf.training.network_experiment import NetworkExperiment
from maenas_tf.training.retrainer import Retrainer
from maenas_tf.training.schedules import drop_path_rate, learning_rate
from maenas_tf.training.trained_run import read_preprocessing

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


class TrainExperiment(NetworkExperiment[TrainConfig]):
    """Trains a network with labels.

    From scratch, or from the weights of a pretraining: of the search only the
    genotype is used, none of its weights.

    Args: as `NetworkExperiment`.
    """

    reads_labels = True
    kind = kinds.TRAINING
    seconds_name = "seconds_train"

    def _completed(self, config: TrainConfig) -> TrainConfig:
        # The run directory tells the weight, as those of old runs do.
        return config.replace(
            auxiliary_weight=auxiliary_weight(config, self.space)
        )

    def _prepare(self, *arguments) -> None:
        super()._prepare(*arguments)
        self.evaluator = Evaluator(self.retrainer.network, self.loop.workers)

    @property
    def retrainer(self) -> Retrainer:
        """What makes the steps."""
        return self.model

    def _check_data(self) -> None:
        super()._check_data()
        path = self.run_directory.path
        if read_data(path) is None and (path / files.PREPROCESSING).exists():
            # Older runs tell what would turn answers into others.
            then = read_preprocessing(path)
            before = dataclasses.replace(
                self.identity,
                image_size=then.image_size,
                class_names=then.class_names,
            )
            refuse_changes(path, before, self.identity)

    def _choose_images(self) -> None:
        config = self.config
        self._check_images()
        self.initial = self._load_initial()
        self.labelled = choose_labelled(
            self.images.labels,
            self.images.class_names,
            config.labels_per_class,
            config.seed,
        )
        training, validation = split_validation(
            self.images.labels[self.labelled],
            config.validation_fraction,
            config.seed,
            config.validation_split == "stratified",
        )
        self.training = self.labelled[training]
        self.validation = self.labelled[validation]
        self.class_weights = self._weigh_classes()
        self.augmentation = make_augmentation(config, config.cutout)

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

    def _load_initial(self) -> InitialWeights | None:
        """Reads what to begin with; makes images look as they did to it.

        A run that has begun knows all of it and needs its source no more.
        """
        if not self.config.init_from:
            return None
        path, initial = self.run_directory.path, None
        if latest_checkpoint(path / files.CHECKPOINTS) is not None:
            seen = read_preprocessing(path)
        else:
            initial = load_initial(self.config, self.genotype)
            seen = initial.preprocessing
            # Loading drew numbers; the heads begin as they do without it.
            set_seeds(self.config.seed)
        self.images = dataclasses.replace(
            self.images, mean=seen.mean, std=seen.std
        )
        return initial

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
        if config.layer_decay < 1:
            factors = layer_factors(network, config.layer_decay)
            retrainer.rate_factors = factors
        return retrainer

    def _begin(self) -> None:
        if self.initial is not None:
            self.initial.copy_to(self.retrainer.network)

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

    def _result(self) -> TrainResult:
        return TrainResult(
            self.retrainer.network,
            list(self.history.rows),
            self.run_directory.read_summary() or {},
        )

    def _start_epoch(self, epoch: int) -> None:
        super()._start_epoch(epoch)
        self.retrainer.frozen = epoch < self.config.freeze_epochs
        if self.config.drop_path:
            rate = drop_path_rate(self.config, epoch)
            self.retrainer.network.drop_path_rate.assign(rate)

    def _figures(self, epoch: int) -> dict[str, float]:
        return {
            **self._validate(),
            "learning_rate": learning_rate(self.config, epoch),
            "drop_path_rate": drop_path_rate(self.config, epoch),
        }

    def _keep(self, row: dict[str, Any]) -> None:
        run = self.run_directory
        with run.replacing(files.LAST) as path:
            self.retrainer.network.save(path)
        super()._keep(row)
        best = _best(self.history.rows)
        if best is not None and best["epoch"] == row["epoch"]:
            with run.replacing(files.BEST) as path:
                shutil.copyfile(run.path / files.LAST, path)

    def _validate(self) -> dict[str, float]:
        if not len(self.validation):
            return {}
        # Four times the images: nothing is kept for a backward pass.
        dataset = evaluation_dataset(
            self.images,
            4 * self.config.batch_size,
            self.loop.workers.part(self.validation),
        )
        result = self.evaluator(dataset)
        return {
            "validation_loss": result.loss,
            "validation_accuracy": result.top1,
        }

    def _summary(self) -> dict[str, Any]:
        summary = {
            "parameters": inference_parameters(self.retrainer.network),
            "num_validation_images": len(self.validation),
            "num_labels_read": len(self.labelled),
        }
        if self.class_weights:
            summary["class_weights"] = self.class_weights
        best = _best(self.history.rows)
        if best is not None:
            summary["best_epoch"] = int(best["epoch"])
            accuracy = float(best["validation_accuracy"])
            summary["best_validation_accuracy"] = accuracy
        return summary


def _best(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Returns the first row of the highest validation accuracy, if any."""
    if not rows or "validation_accuracy" not in rows[0]:
        return None
    return max(rows, key=lambda row: float(row["validation_accuracy"]))
