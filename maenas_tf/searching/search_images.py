"""Which images a search trains on, and which it judges by."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from maenas_tf.algorithms import Algorithm
from maenas_tf.data.augment import Augmentation, make_augmentation
from maenas_tf.data.held_out import (
    num_held_out,
    part_dataset,
    part_steps,
    split_held_out,
)
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.pipeline import (
    bilevel_dataset,
    split_halves,
    steps_per_epoch,
)
from maenas_tf.searching.config import SearchConfig
from maenas_tf.selection import Selection
from maenas_tf.tasks import Task

Batch = dict[str, tf.Tensor]


class SearchImages:
    """The images of a search, in two disjoint parts.

    With alphas two halves, one for the weights and one for the alphas;
    without, a small part is held out and the weights have all others.

    Args:
        images: all of them.
        task: maps them.
        config: of the search.
        algorithm: says whether there are alphas.
        selection: says whether candidates are to be judged.

    Attributes:
        steps: of an epoch.
        held_out: indices of what no weight is trained on; where candidates
            are judged, those to judge by.

    Raises:
        ConfigError: there are too few.
    """

    def __init__(
        self,
        images: ImageSource,
        task: Task,
        config: SearchConfig,
        algorithm: Algorithm,
        selection: Selection,
    ):
        self.images = images
        self.task = task
        self.config = config
        self.halved = algorithm.trains_alphas
        count = images.num_images
        self.augmentation = make_augmentation(config)
        if self.halved:
            self.fractions = (
                config.weight_image_fraction,
                config.alpha_image_fraction,
            )
            one_pass = steps_per_epoch(count, config.batch_size, self.fractions)
            _, self.held_out = split_halves(count, config.seed, self.fractions)
            if selection.scores:
                wanted = num_held_out(count, config.held_out_images)
                self.held_out = self.held_out[:wanted]
        else:
            self.trained, self.held_out = split_held_out(
                count, num_held_out(count, config.held_out_images), config.seed
            )
            one_pass = part_steps(len(self.trained), config.batch_size)
        self.steps = config.steps_per_epoch or one_pass

    def epoch(self, epoch: int, start_step: int) -> tf.data.Dataset:
        """Returns the batches of an epoch from a step on.

        A function of the arguments and the configuration alone.
        """
        if not self.halved:
            return self._part(
                self.trained,
                self.config.batch_size,
                epoch=epoch,
                augmentation=self.augmentation,
                steps=self.steps,
                start_step=start_step,
            ).map(lambda batch: {"weights": batch})
        return bilevel_dataset(
            self.images,
            example_map=self.task.map,
            batch_size=self.config.batch_size,
            seed=self.config.seed,
            epoch=epoch,
            augmentation=self.augmentation,
            steps=self.steps,
            start_step=start_step,
            with_labels=self.task.reads_labels,
            fractions=self.fractions,
        )

    def alpha_batch(self) -> Batch:
        """Returns one fixed batch of the alphas' half."""
        return next(iter(self.epoch(0, 0).take(1)))["alphas"]

    def preview(self, count: int = 8) -> Batch:
        """Returns a batch of a few fixed images, not augmented."""
        batch_size = min(count, len(self.held_out))
        dataset = self._part(
            self.held_out,
            batch_size,
            epoch=0,
            augmentation=Augmentation(),
            shuffle=False,
        )
        return next(iter(dataset.take(1)))

    def judging(self, most: int = 0) -> Batch:
        """Returns held-out batches, stacked, [batches, B, ...].

        Not augmented; a last batch that is not full is left out, unless it is
        the only one.

        Args:
            most: take the first so many of the images; 0 takes all.
        """
        indices = self.held_out[: most or None]
        batch_size = min(self.config.batch_size, len(indices))
        dataset = self._part(
            indices,
            batch_size,
            epoch=0,
            augmentation=Augmentation(),
            shuffle=False,
        )
        return tf.nest.map_structure(lambda *parts: tf.stack(parts), *dataset)

    def _part(
        self, indices: np.ndarray, batch_size: int, **how
    ) -> tf.data.Dataset:
        return part_dataset(
            self.images,
            indices,
            example_map=self.task.map,
            batch_size=batch_size,
            seed=self.config.seed,
            with_labels=self.task.reads_labels,
            **how,
        )
