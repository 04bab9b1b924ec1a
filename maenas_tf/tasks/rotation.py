"""Rotation: tell by which quarter turns an image was rotated.

Reference: Gidaris et al., "Unsupervised Representation Learning by Predicting
Image Rotations" (ICLR 2018); as a search proxy: UnNAS (Liu et al., 2020).
"""

from __future__ import annotations

from etils import epy

from maenas_tf.tasks.classification import Classification
from maenas_tf.tasks.task import TASKS

with epy.lazy_imports():
    import tensorflow as tf

    from maenas_tf.models import heads
    from maenas_tf.tasks import views

NUM_TURNS = 4


@TASKS.register("rotation")
class Rotation(Classification):
    """Cross-entropy of the rotation, mean over all four of each image.

    A step therefore computes four times as much as one of other tasks.
    """

    def map(self, example, seed):
        turns = tf.range(NUM_TURNS)
        rotated = [
            tf.image.rot90(example["image"], k) for k in range(NUM_TURNS)
        ]
        return {"input": tf.stack(rotated), "target": turns}

    def build_input(self):
        return views.FoldViews(name="fold_views")

    def build_head(self, form):
        return heads.EachViewHead(NUM_TURNS, NUM_TURNS, form, name="head")
