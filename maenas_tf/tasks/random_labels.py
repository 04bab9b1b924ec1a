"""Random labels: fit an arbitrary answer for each image (RLNAS).

Reference: Zhang et al., "Neural Architecture Search with Random Labels" (CVPR
2021). Its supernet is trained on all images; in a bi-level search the alphas'
half has answers that the weights never saw.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from etils import epy

from maenas_tf.config import Config, Range, setting
from maenas_tf.tasks.classification import Classification
from maenas_tf.tasks.task import TASKS

with epy.lazy_imports():
    import tensorflow as tf

    from maenas_tf.models import heads


@dataclasses.dataclass(frozen=True)
class RandomLabelsSettings(Config):
    """How many labels there are."""

    random_classes: int = setting(
        10,
        "number of labels to draw from",
        Range("give a whole number of at least 2.", least=2),
    )


@TASKS.register("random_labels")
class RandomLabels(Classification):
    """Cross-entropy of one fixed label for each image, drawn uniformly.

    The label is a hash of the run's seed and the image's number: nothing is
    stored, nothing is read, and a run has the same labels from first to last.
    """

    settings = RandomLabelsSettings()

    def map(self, example, seed):
        index = tf.cast(example["index"], tf.int32)
        # A seed is below 2**32: the same bits, as a signed number.
        run_seed = int(np.uint32(self.context.seed).view(np.int32))
        label = tf.random.stateless_uniform(
            [],
            tf.stack([run_seed, index]),
            0,
            self.settings.random_classes,
            dtype=tf.int32,
            alg="philox",
        )
        return {"input": example["image"], "target": label}

    def build_head(self, form):
        return heads.ClassifierHead(
            self.settings.random_classes, form, name="head"
        )
