"""A whole training of a detector: from a genotype, images and boxes."""

from __future__ import annotations

import dataclasses
import shutil
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.data.labelled import split_validation
from maenas_tf.detection.batches import training_batches
from maenas_tf.detection.boxed_images import BoxedImages
from maenas_tf.detection.build import build_detector, save_weights
from maenas_tf.detection.config import DetectConfig
from maenas_tf.detection.finding import Finder
from maenas_tf.detection.load import load_boxed
from maenas_tf.detection.retinanet import Detector
from maenas_tf.detection.trainer import DetectorTrainer
from maenas_tf.engine.checkpoints import latest_checkpoint
from maenas_tf.engine.devices import set_seeds
from maenas_tf.engine.loop import cosine_rate
from maenas_tf.models.backbone import transfer_weights
from maenas_tf.models.complexity import count_parameters
from maenas_tf.runs import files, kinds
from maenas_tf.training.initial_weights import InitialWeights, load_initial
from maenas_tf.training.network_experiment import NetworkExperiment
from maenas_tf.training.trained_run import Preprocessing, read_preprocessing


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


class DetectExperiment(NetworkExperiment[DetectConfig]):
    """Builds everything that training a detector needs and trains it.

    Args: as `NetworkExperiment`, but for the images, which have boxes.
    """

    kind = kinds.DETECTION
    seconds_name = "seconds_train"
    told_figures = ("validation_ap", "validation_ap50")

    def _store(self):
        # What a step of KerasHub's detector reads cannot be told.
        return None

    def _load(self, image_set: BoxedImages | None) -> None:
        self.data = image_set or load_boxed(self.config, self.notes)
        self.images = self.data.images
        self.identity = self.data.identity(self.config.split)

    def _choose_images(self) -> None:
        config = self.config
        self.initial = self._load_initial()
        self.training, self.validation = split_validation(
            np.zeros(self.images.num_images, np.int64),
            config.validation_fraction,
            config.seed,
            stratified=False,
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
        self.data = dataclasses.replace(self.data, images=self.images)
        return initial

    def _build(self) -> DetectorTrainer:
        config = self.config
        detector = build_detector(
            config, self.genotype, len(self.data.class_names)
        )
        self.finder = Finder(detector)
        return DetectorTrainer(detector, config.weight_decay, config.clip_norm)

    @property
    def detector(self) -> Detector:
        """What is trained."""
        return self.model.detector

    def _begin(self) -> None:
        if self.initial is not None:
            transfer_weights(self.initial.model, self.detector.backbone)

    def _dataset(self, epoch: int, start_step: int) -> tf.data.Dataset:
        return training_batches(
            self.data,
            self.training,
            batch_size=self.config.batch_size,
            seed=self.config.seed,
            epoch=epoch,
            flip=self.config.flip,
            zoom=self.config.zoom,
            steps=self.steps,
            start_step=start_step,
        )

    def _result(self) -> DetectResult:
        return DetectResult(
            self.detector,
            list(self.history.rows),
            self.run_directory.read_summary() or {},
        )

    def _preprocessing(self) -> Preprocessing:
        return dataclasses.replace(
            super()._preprocessing(), class_names=self.data.class_names
        )

    def _rate(self, epoch: int) -> float:
        config = self.config
        rate = cosine_rate(config.learning_rate, 0.0, epoch, config.epochs)
        return rate * min(1.0, (epoch + 1) / max(config.warmup_epochs, 1))

    def _figures(self, epoch: int) -> dict[str, float]:
        return {**self._validate(), **super()._figures(epoch)}

    def _keep(self, row: dict[str, Any]) -> None:
        run = self.run_directory
        save_weights(self.detector, run.path / files.LAST_WEIGHTS)
        super()._keep(row)
        best = best_epoch(self.history.rows)
        if best is not None and best["epoch"] == row["epoch"]:
            with run.replacing(files.BEST_WEIGHTS) as path:
                shutil.copyfile(run.path / files.LAST_WEIGHTS, path)

    def _validate(self) -> dict[str, float]:
        if not len(self.validation):
            return {}
        found = self.finder.measure(
            self.data, self.config.batch_size, self.validation
        )
        return {f"validation_{name}": found[name] for name in ("ap", "ap50")}

    def _summary(self) -> dict[str, Any]:
        data, backbone = self.data, self.detector.backbone
        summary = {
            "parameters": count_parameters(self.detector.model),
            "backbone_parameters": count_parameters(backbone),
            "num_validation_images": len(self.validation),
            "num_classes": len(data.class_names),
            "num_boxes": data.num_boxes,
            "num_dropped_boxes": data.num_dropped,
            "num_cut_boxes": data.num_cut,
            "num_images_without_boxes": data.num_without,
        }
        best = best_epoch(self.history.rows)
        if best is not None:
            summary["best_epoch"] = int(best["epoch"])
            summary["best_validation_ap"] = float(best["validation_ap"])
        return summary


def best_epoch(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Returns the first row of the highest validation AP, if any."""
    if not rows or "validation_ap" not in rows[0]:
        return None
    return max(rows, key=lambda row: float(row["validation_ap"]))
