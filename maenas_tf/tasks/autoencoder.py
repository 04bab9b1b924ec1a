"""Plain autoencoding: reconstruct an image of which nothing was hidden."""

from __future__ import annotations

from maenas_tf.tasks.reconstruction import Reconstruction
from maenas_tf.tasks.task import TASKS


@TASKS.register("autoencoder")
class Autoencoding(Reconstruction):
    """Mean error over the whole image.

    It is masked autoencoding with ratio 0, whatever --mask_ratio is.
    """

    def map(self, example, seed):
        return {"input": example["image"], "target": example["image"]}
