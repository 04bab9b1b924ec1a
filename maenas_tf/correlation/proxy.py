"""Training one architecture briefly on the objective of a search.

The weight half of the images trains; the loss is read on a fixed part of the
other half, not augmented, with the masks (or noise, rotations, ...) of epoch
0: the same for all architectures and at all steps.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable

import keras
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.data.augment import Augmentation, make_augmentation
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.pipeline import bilevel_dataset, steps_per_epoch
from maenas_tf.engine.devices import present_strategy, set_seeds
from maenas_tf.engine.optimization import SGD, apply_summed
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.models.task_network import TaskNetwork
from maenas_tf.skeletons import evaluation_size, head_of, make_plan
from maenas_tf.spaces import SPACES, Genotype
from maenas_tf.tasks import TASKS, Task, TaskContext, make_task

TRAINED, HELD_OUT = "weights", "alphas"
# Steps in one call of the graph: a signal waits no longer than that.
_CHUNK = 20


class ProxyTrainer(keras.Model):
    """Trains a network on a task as a search trains its weights.

    On one device, thousands of them in one process.

    Args:
        network: built, with the task's head.
        task: supplies input layer, loss and metrics.
        weight_decay: L2 factor, added to the gradient after it is clipped.
        clip_norm: global-norm clip of the gradient; 0 is off.
    """

    rate_settings = ("weight_learning_rate",)
    mode = None

    def __init__(
        self,
        network: TaskNetwork,
        task: Task,
        weight_decay: float,
        clip_norm: float,
        name: str = "proxy_trainer",
    ):
        super().__init__(name=name)
        self.network = network
        self.input_layer = task.build_input()
        self.task = task
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.built = True

    def compile(self, optimizer, **kwargs):
        """Takes the optimizer and builds it on the network's weights."""
        optimizer.build(self.trainable_variables)
        kwargs.setdefault("jit_compile", False)
        super().compile(optimizer=optimizer, loss=None, **kwargs)

    def call(self, batch, training=False):
        """Returns the head's output for a batch of the task."""
        images = batch["input"]
        if self.input_layer is not None:
            images = self.input_layer(batch)
        return self.network(images, training=training)

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """Weights descend the loss on their half of the images."""
        batch = data[TRAINED]
        weights = [v.value for v in self.trainable_variables]
        with tf.GradientTape() as tape:
            outputs = self(batch, training=True)
            loss = tf.reduce_mean(self.task.losses(batch, outputs))
        gradients = tape.gradient(
            loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        apply_summed(
            self.optimizer,
            gradients,
            [tf.convert_to_tensor(weight) for weight in weights],
            self.weight_decay,
            self.clip_norm,
        )
        metrics = {
            key: tf.reduce_mean(value)
            for key, value in self.task.metrics(batch, outputs).items()
        }
        return {**metrics, "weight_loss": loss}

    @property
    def metric_keys(self) -> tuple[str, ...]:
        """The keys of what `train_step` returns."""
        return (*self.task.metric_names, "weight_loss")

    @property
    def variable_groups(self) -> dict[str, list[keras.Variable]]:
        """All that a step changes."""
        return {
            "model": self.variables,
            "optimizer": self.optimizer.variables,
        }


class Objective:
    """A task with its images, on which architectures are trained in turn.

    Args:
        config: of the experiment.
        task_name: one of its tasks.
        images: with labels, where the task reads them.

    Raises:
        ConfigError: the task or the images do not fit.
    """

    def __init__(
        self, config: CorrelateConfig, task_name: str, images: ImageSource
    ):
        task_class = TASKS.get(task_name)
        self.config = config
        self.images = images
        num_classes = images.num_classes if task_class.reads_labels else 0
        space = SPACES.get(config.space)
        context = TaskContext(
            images.image_size,
            num_classes,
            dataset=config.dataset,
            seed=config.seed,
            init_channels=config.init_channels,
            plan=make_plan(space, evaluation_size(space)),
            class_counts=images.class_counts,
        )
        self.task = make_task(task_name, config, context)
        size, half = config.batch_size, images.num_images // 2
        self.steps = steps_per_epoch(images.num_images, size)
        batches = config.held_out_images // size
        if batches > self.steps:
            raise ConfigError(
                f"--held_out_images={config.held_out_images} is more than the "
                f"half that is not trained on has in whole batches, "
                f"{self.steps * size} of {half}; give fewer."
            )
        self.num_held_out = batches * size
        held_out = self._dataset(0, HELD_OUT, Augmentation())
        self._held_out = held_out.take(batches).cache()
        self._epochs: dict[int, tf.data.Dataset] = {}

    def _dataset(
        self, epoch: int, half: str, augmentation: Augmentation
    ) -> tf.data.Dataset:
        return bilevel_dataset(
            self.images,
            example_map=self.task.map,
            batch_size=self.config.batch_size,
            seed=self.config.seed,
            epoch=epoch,
            augmentation=augmentation,
            with_labels=self.task.reads_labels,
            only=(half,),
        )

    def _build(self, genotype: Genotype) -> ProxyTrainer:
        config, task = self.config, self.task
        # The same start, whatever was trained before it.
        set_seeds(config.seed)
        network = TaskNetwork(
            genotype,
            config.init_channels,
            config.num_cells,
            task.build_head(head_of(SPACES.get(genotype.space))),
            getattr(task, "input_size", task.image_size),
        )
        trainer = ProxyTrainer(
            network, task, config.weight_decay, config.clip_norm
        )
        trainer.compile(
            SGD(config.weight_learning_rate, config.momentum, config.nesterov)
        )
        return trainer

    def train(
        self, genotype: Genotype, report: Callable[[int], None] | None = None
    ) -> dict[int, float]:
        """Trains an architecture from scratch.

        Args:
            genotype: the architecture.
            report: called now and then with the number of steps done since;
                what it raises ends the training.

        Returns:
            Step to mean held-out loss, NaN from where the training diverged.
            A function of configuration, images and genotype alone.
        """
        trainer = self._build(genotype)
        runner = StepRunner(trainer, present_strategy())
        evaluate = self._make_evaluation(trainer)
        losses, step, finite = {}, 0, True
        for wanted in self.config.steps:
            while finite and step < wanted:
                place = step % self.steps
                if not place:
                    iterator = iter(self._epoch(step // self.steps))
                count = min(wanted - step, self.steps - place, _CHUNK)
                finite = int(runner(iterator, count)["num_finite"]) == count
                step += count
                if report:
                    report(count)
            losses[wanted] = evaluate() if finite else math.nan
        if report:
            report(self.config.steps[-1] - step)
        del trainer, runner, evaluate
        gc.collect()  # graphs hold themselves in circles
        return losses

    def _epoch(self, epoch: int) -> tf.data.Dataset:
        if epoch not in self._epochs:
            self._epochs[epoch] = self._dataset(
                epoch, TRAINED, make_augmentation(self.config)
            )
        return self._epochs[epoch]

    def _make_evaluation(self, trainer: ProxyTrainer) -> Callable[[], float]:
        """Returns what computes the mean held-out loss."""

        @tf.function(autograph=False)
        def total(batch):
            outputs = trainer(batch, training=False)
            return tf.reduce_sum(self.task.losses(batch, outputs))

        def evaluate() -> float:
            totals = [float(total(b[HELD_OUT])) for b in self._held_out]
            return sum(totals) / self.num_held_out

        return evaluate
