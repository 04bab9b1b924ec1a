"""A whole pretraining: from a genotype and unlabelled images to weights."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data.augment import Augmentation, make_augmentation
from maenas_tf.data.held_out import part_dataset
from maenas_tf.engine.console import say
from maenas_tf.figures import plots
from maenas_tf.models.backbone import Backbone, transfer_weights
from maenas_tf.models.task_network import TaskNetwork
from maenas_tf.recording import summaries
from maenas_tf.runs import files, kinds
from maenas_tf.skeletons import evaluation_size, head_of
from maenas_tf.tasks import TASKS
from maenas_tf.tasks.objective import build_task
from maenas_tf.training.config import PretrainConfig
from maenas_tf.training.moving_statistics import estimate_statistics
from maenas_tf.training.network_experiment import NetworkExperiment
from maenas_tf.training.pretrainer import Pretrainer

# Images that are reconstructed after each epoch.
_SHOWN = 8


@dataclasses.dataclass(frozen=True, eq=False)
class PretrainResult:
    """What a pretraining leaves behind.

    Attributes:
        backbone: stem and cells with their weights, from images to features.
        history: a row an epoch, as in history.csv.
        summary: as in summary.json.
    """

    backbone: Backbone
    history: list[dict[str, Any]]
    summary: dict[str, Any]


class PretrainExperiment(NetworkExperiment[PretrainConfig]):
    """Trains a found network on a task that reads no labels.

    The network is in the form of the training: the same layers and weights as
    in `TrainExperiment`, but for the head, which is the task's. All images
    are trained on; each epoch shows them with fresh masks.

    Args: as `NetworkExperiment`.
    """

    reads_labels = False
    kind = kinds.PRETRAINING
    seconds_name = "seconds_pretrain"

    def _completed(self, config: PretrainConfig) -> PretrainConfig:
        if TASKS.get_for_flag("task", config.task).reads_labels:
            raise ConfigError(
                f"--task={config.task} reads labels, and a pretraining has "
                f"none; choose a task without, such as mae, or train with "
                f"labels by python -m tools.train."
            )
        return config

    def _choose_images(self) -> None:
        if self.images.labels is not None:
            raise ConfigError(
                "A pretraining reads no labels; give images without."
            )
        for chooser, name in self.config.unread():
            chosen = getattr(self.config, chooser)
            say(f"note: --{name} has no part in --{chooser}={chosen}")
        self.task = build_task(self.config, self.space, self.images.image_size)
        self.training = np.arange(self.images.num_images)
        self.augmentation = make_augmentation(self.config)

    def _build(self) -> Pretrainer:
        config = self.config
        size = evaluation_size(
            self.space, config.stem, num_cells=config.num_cells
        )
        network = TaskNetwork(
            self.genotype,
            config.init_channels,
            size.num_cells,
            self.task.build_head(head_of(self.space)),
            self.task.input_size,
            config.stem,
            search=False,
        )
        return Pretrainer(
            network, self.task, config.weight_decay, config.clip_norm
        )

    def _dataset(self, epoch: int, start_step: int) -> tf.data.Dataset:
        return self._images(
            self.training,
            self.config.batch_size,
            example_map=self.task.map,
            epoch=epoch,
            augmentation=self.augmentation,
            steps=self.steps,
            start_step=start_step,
        )

    def _images(self, indices: np.ndarray, batch_size: int, **how):
        return part_dataset(
            self.images,
            indices,
            batch_size=batch_size,
            seed=self.config.seed,
            with_labels=False,
            **how,
        )

    def _some(self, count: int, batch_size: int, example_map):
        """Returns batches of evenly spaced images, as they are."""
        count = min(count, len(self.training))
        spaced = np.linspace(0, len(self.training) - 1, count).round()
        return self._images(
            self.training[spaced.astype(np.int64)],
            min(batch_size, count),
            example_map=example_map,
            epoch=0,
            augmentation=Augmentation(),
            shuffle=False,
        )

    def _keep(self, row: dict[str, Any]) -> None:
        super()._keep(row)
        picture = self._reconstruct()
        if picture is None:
            return
        self.run_directory.write_bytes(
            files.RECONSTRUCTIONS_PLOT, plots.png_bytes(picture)
        )
        shown = summaries.image_summary("reconstructions", picture)
        self.tensorboard.write_values(row["epoch"], [shown])

    def _reconstruct(self) -> np.ndarray | None:
        """Draws inputs, outputs and originals of the same few images."""
        batch = next(iter(self._some(_SHOWN, _SHOWN, self.task.map)))
        # What the pass assigns, such as counters, ends with the scope.
        with keras.StatelessScope():
            shown = self.task.preview(batch, self.model(batch))
        if shown is None:
            return None
        mean, std = self.images.mean, self.images.std
        return plots.draw_reconstructions(
            *(np.clip(x.numpy() * std + mean, 0.0, 1.0) for x in shown)
        )

    def _summary(self) -> dict[str, Any]:
        backbone, labels = self._make_backbone(), self.images.labels
        summary = {
            "task": self.config.task,
            "parameters": sum(
                int(np.prod(v.shape)) for v in backbone.trainable_variables
            ),
            "num_labels_read": 0 if labels is None else len(labels),
            "statistics_images": 0,
        }
        if self.config.statistics_images:
            batches = self._whole_images()
            summary["statistics_images"] = (
                len(batches) * batches.element_spec.shape[0]
            )
            summary["statistics_shift"] = estimate_statistics(backbone, batches)
        with self.run_directory.replacing(files.BACKBONE) as path:
            backbone.save(path)
        return summary

    def _make_backbone(self) -> Backbone:
        """Returns stem and cells alone, on one device, as they are."""
        network = self.model.network
        backbone = Backbone(
            self.genotype,
            network.init_channels,
            network.num_cells,
            (None, None, 3),
            network.stem,
        )
        transfer_weights(network, backbone)
        return backbone

    def _whole_images(self) -> tf.data.Dataset:
        def keep(example, seed):
            del seed
            return example["image"]

        count, size = self.config.statistics_images, self.config.batch_size
        return self._some(count, size, keep)

    def _result(self) -> PretrainResult:
        path = self.run_directory.path
        return PretrainResult(
            keras.saving.load_model(path / files.BACKBONE, compile=False),
            list(self.history.rows),
            self.run_directory.read_summary() or {},
        )
