"""The model that pretrains a found network, without labels."""

from __future__ import annotations

from maenas_tf.models.task_network import TaskNetwork
from maenas_tf.tasks import Task
from maenas_tf.training.step_model import StepModel


class Pretrainer(StepModel):
    """Trains a network in the form of the training on a task's objective.

    Its batch is examples of the task.

    Args:
        network: with the task's head, built.
        task: supplies input layer, loss and metrics.
        weight_decay: as of `StepModel`.
        clip_norm: as of `StepModel`.
    """

    def __init__(
        self,
        network: TaskNetwork,
        task: Task,
        weight_decay: float = 3e-4,
        clip_norm: float = 5.0,
        name: str = "pretrainer",
    ):
        super().__init__(weight_decay, clip_norm, name)
        self.network = network
        self.input_layer = task.build_input()
        self.task = task
        self.built = True

    @property
    def metric_keys(self) -> tuple[str, ...]:
        """The keys of what `train_step` returns."""
        names = (f"train_{name}" for name in self.task.metric_names)
        return (*names, "train_loss")

    def call(self, batch, training=False):
        """Returns the head's output for a batch of the task."""
        images = batch["input"]
        if self.input_layer is not None:
            images = self.input_layer(batch)
        return self.network(images, training=training)

    def losses_and_metrics(self, data):
        """Returns the task's loss and figures of each image, [B]."""
        outputs = self(data, training=True)
        metrics = {
            f"train_{name}": values
            for name, values in self.task.metrics(data, outputs).items()
        }
        return self.task.losses(data, outputs), metrics
