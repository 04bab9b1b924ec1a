"""The model that trains a detector."""

from __future__ import annotations

import keras
import tensorflow as tf

from maenas_tf.detection.retinanet import Detector
from maenas_tf.engine.optimization import apply_summed, summed_metrics
from maenas_tf.ops.replica import all_reduce_sum


class DetectorTrainer(keras.Model):
    """Trains a detector by the losses of its boxes and classes.

    Both are summed over all anchors of the global batch and divided by the
    number of those that are to say something, as in RetinaNet. keras-cv
    divides by the number of each replica, and its sums are added up: with N
    replicas its loss is N times as large. Here the replicas' shares add up to
    the loss of the whole batch, however its boxes are spread over them.

    Its batch is that of `training_batches`.

    Args:
        detector: built.
        weight_decay: L2 factor, added to the gradient after it is clipped.
        clip_norm: global-norm clip of the gradient; 0 is off.
    """

    rate_settings = ("learning_rate",)
    metric_keys = ("train_box_loss", "train_class_loss", "train_loss")
    mode = None

    def __init__(
        self,
        detector: Detector,
        weight_decay: float = 1e-4,
        clip_norm: float = 10.0,
        name: str = "detector_trainer",
    ):
        super().__init__(name=name)
        self.detector = detector
        self.network = detector.model
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.built = True

    def compile(self, optimizer, **kwargs):
        """Takes the optimizer and builds it on the detector's weights."""
        optimizer.build(self.network.trainable_variables)
        kwargs.setdefault("jit_compile", False)
        super().compile(optimizer=optimizer, loss=None, **kwargs)

    def call(self, batch, training=False):
        """Returns the detector's outputs for a batch."""
        return self.detector(batch["image"], training=training)

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        """One step of SGD: gradient, sum, clip, weight decay, update."""
        variables = self.network.trainable_variables
        targets = self.detector.targets(data["boxes"], data["classes"])
        (count,) = all_reduce_sum([self.detector.num_taken(targets)])
        # A batch may have no box at all: then all of it is background.
        count = tf.maximum(count, 1.0)
        with tf.GradientTape() as tape:
            outputs = self.detector(data["image"], training=True)
            boxes, classes = self.detector.losses(outputs, targets)
            boxes, classes = boxes / count, classes / count
            loss = boxes + classes
        # Behind an edge `none` there may be weights that nothing depends on.
        gradients = tape.gradient(
            loss,
            [variable.value for variable in variables],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        apply_summed(
            self.optimizer,
            all_reduce_sum(gradients),
            [tf.convert_to_tensor(variable) for variable in variables],
            self.weight_decay,
            self.clip_norm,
        )
        return summed_metrics(
            {
                "train_box_loss": boxes,
                "train_class_loss": classes,
                "train_loss": loss,
            }
        )

    @property
    def variable_groups(self) -> dict[str, list[keras.Variable]]:
        """All that a step changes, for checkpoints."""
        return {
            "model": self.network.variables,
            "optimizer": self.optimizer.variables,
        }
