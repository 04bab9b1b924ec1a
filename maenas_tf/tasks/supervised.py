"""Classification with labels: the reference that DARTS searches with."""

from __future__ import annotations

from etils import epy

from maenas_tf.config import ConfigError, LabelSettings
from maenas_tf.data.labels import balanced_weights
from maenas_tf.tasks.classification import Classification
from maenas_tf.tasks.task import TASKS

with epy.lazy_imports():
    import tensorflow as tf

    from maenas_tf.models import heads


@TASKS.register("supervised")
class Supervised(Classification):
    """Cross-entropy of the classes, of which each may weigh as much."""

    settings = LabelSettings()
    reads_labels = True
    answer = "label"

    def __init__(self, settings, context):
        super().__init__(settings, context)
        if context.num_classes < 2:
            raise ConfigError(
                f"--task=supervised needs labels of at least 2 classes, but "
                f"--dataset={context.dataset} has {context.num_classes}; use a "
                f"label-free task such as --task=mae."
            )
        if settings.class_weight == "balanced":
            weights = balanced_weights(context.class_counts)
            self.class_weights = tuple(weights.tolist())

    def map(self, example, seed):
        return {"input": example["image"], "label": example["label"]}

    def losses(self, batch, outputs):
        losses = super().losses(batch, outputs)
        if self.class_weights:
            weights = tf.constant(self.class_weights)
            losses *= tf.gather(weights, batch[self.answer])
        return losses

    def build_head(self, form):
        return heads.ClassifierHead(self.context.num_classes, form, name="head")
