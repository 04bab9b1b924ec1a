"""Classification with labels: the reference that DARTS searches with."""

from __future__ import annotations

from maenas_tf.config import ConfigError
from maenas_tf.models.heads import ClassifierHead
from maenas_tf.tasks.classification import Classification
from maenas_tf.tasks.task import TASKS


@TASKS.register("supervised")
class Supervised(Classification):
    """Cross-entropy of the classes."""

    reads_labels = True
    answer = "label"

    def __init__(self, config, image_size, num_classes):
        super().__init__(config, image_size, num_classes)
        if num_classes < 2:
            raise ConfigError(
                f"--task=supervised needs labels of at least 2 classes, but "
                f"--dataset={config.dataset} has {num_classes}; use a "
                f"label-free task such as --task=mae."
            )

    def map(self, example, seed):
        return {"input": example["image"], "label": example["label"]}

    def build_head(self, form):
        return ClassifierHead(self.num_classes, form, name="head")
