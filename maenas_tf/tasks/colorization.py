"""Colourisation: tell the colours of an image from its lightness.

Reference: Zhang et al., "Colorful Image Colorization" (ECCV 2016); as a
search proxy: UnNAS (Liu et al., 2020). The bins are our own, without weights
for rare colours.
"""

from __future__ import annotations

from etils import epy

from maenas_tf.tasks.classification import Classification
from maenas_tf.tasks.task import TASKS

with epy.lazy_imports():
    import tensorflow as tf

    from maenas_tf.data import color
    from maenas_tf.models import heads


@TASKS.register("colorization")
class Colorization(Classification):
    """Cross-entropy of each pixel's colour, one of a few hundred bins.

    The supernet sees the lightness L of CIE Lab in all three channels, scaled
    to about unit deviation, (L - 50) / 25; the answers are the bins of (a, b)
    of `maenas_tf.data.color`.
    """

    warmup_fraction = 0.5

    def map(self, example, seed):
        lab = color.srgb_to_lab(example["pixels"])
        lightness = (lab[..., :1] - 50.0) / 25.0
        return {
            "input": tf.repeat(lightness, 3, axis=-1),
            "target": color.color_bin(lab[..., 1:]),
        }

    def build_head(self, form):
        return heads.PixelHead(
            len(color.bin_centers()), self.image_size, form, name="head"
        )
