"""The model that trains a detector."""

from __future__ import annotations

import tensorflow as tf

from maenas_tf.detection.retinanet import Detector
from maenas_tf.ops.replica import all_reduce_sum, num_replicas
from maenas_tf.training.step_model import StepModel


class DetectorTrainer(StepModel):
    """Trains a detector by the losses of its boxes and classes.

    Both are summed over all anchors of the global batch and divided by the
    number of those that stand for a box, as in RetinaNet. keras-cv divides by
    the number of each replica, and its sums are added up: with N replicas its
    loss is N times as large. Here the replicas' shares add up to the loss of
    the whole batch, however its boxes are spread over them.

    Its batch is that of `training_batches`.

    Args:
        detector: built.
        weight_decay: L2 factor, added to the gradient after it is clipped.
        clip_norm: global-norm clip of the gradient; 0 is off.
    """

    metric_keys = ("train_box_loss", "train_class_loss", "train_loss")

    def __init__(
        self,
        detector: Detector,
        weight_decay: float = 1e-4,
        clip_norm: float = 10.0,
        name: str = "detector_trainer",
    ):
        super().__init__(weight_decay, clip_norm, name)
        self.detector = detector
        self.whole = detector.model
        self.built = True

    @property
    def network(self):
        """Stem and cells of the backbone."""
        return self.detector.backbone.trunk

    def call(self, batch, training=False):
        """Returns the detector's outputs for a batch."""
        return self.detector(batch["image"], training=training)

    def losses_and_metrics(self, data):
        """Returns the losses of each image, [B] each.

        Each is so large that their mean over the global batch is the sum over
        all anchors by the number of those that stand for a box.
        """
        targets = self.detector.targets(data["boxes"], data["classes"])
        taken = tf.stop_gradient(self.detector.num_taken(targets))
        (count,) = all_reduce_sum([taken])
        outputs = self.detector(data["image"], training=True)
        boxes, classes = self.detector.losses(outputs, targets)
        images = tf.shape(boxes)[0] * num_replicas()
        # A batch may have no box at all: then all of it is background.
        scale = tf.cast(images, tf.float32) / tf.maximum(count, 1.0)
        boxes, classes = scale * boxes, scale * classes
        metrics = {"train_box_loss": boxes, "train_class_loss": classes}
        return boxes + classes, metrics
