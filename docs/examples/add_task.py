"""Adds a task: tell whether an image stands upside down.

python -m docs.examples.add_task
"""

from __future__ import annotations

import dataclasses

import sklearn.datasets
import tensorflow as tf

import maenas_tf as mn
from maenas_tf.config import FRACTION, Config, setting
from maenas_tf.models.heads import ClassifierHead
from maenas_tf.tasks import TASKS
from maenas_tf.tasks.classification import Classification


@dataclasses.dataclass(frozen=True)
class UpsideDownSettings(Config):
    """How often an image is turned."""

    turned_fraction: float = setting(
        0.5, "part of the images that are turned upside down", FRACTION
    )


@TASKS.register("upside_down")
class UpsideDown(Classification):
    """Cross-entropy of "upright" and "upside down"; no label is read."""

    settings = UpsideDownSettings()

    def map(self, example, seed):
        """Turns an image or not, as the seed of image and epoch says."""
        drawn = tf.random.stateless_uniform([], seed)
        turned = drawn < self.settings.turned_fraction
        image = example["image"]
        image = tf.where(turned, tf.image.flip_up_down(image), image)
        return {"input": image, "target": tf.cast(turned, tf.int32)}

    def build_head(self, form):
        """Returns what makes two logits of the supernet's features."""
        return ClassifierHead(2, form, name="head")


def main() -> mn.SearchResult:
    """Searches with the task, on 64 digits."""
    digits = sklearn.datasets.load_digits().images[:64, :, :, None] / 16
    result = mn.search(
        digits,
        task="upside_down",
        turned_fraction=0.4,
        space="nasbench201",
        image_size=16,
        init_channels=2,
        num_cells=1,
        batch_size=16,
        epochs=2,
    )
    print(result.genotype)
    return result


if __name__ == "__main__":
    main()
