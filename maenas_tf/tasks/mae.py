"""Masked autoencoding: reconstruct the patches that were taken away.

That this loss serves both levels of the search is the paper's (arXiv
2311.12086); mask, fill and loss follow MAE (He et al., 2022) and SimMIM (Xie
et al., 2022) and are our choice.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from maenas_tf.data import masking
from maenas_tf.tasks.reconstruction import Reconstruction
from maenas_tf.tasks.task import TASKS


class MaskToken(keras.layers.Layer):
    """Puts a learnable colour in the place of masked pixels.

    Args:
        patch_size: pixels.
    """

    def __init__(self, patch_size: int, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size

    def build(self, input_shape=None):
        self.token = self.add_weight(
            name="token",
            shape=(1, 1, 1, 3),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )
        self.built = True

    def call(self, batch):
        """Returns batch["input"] (zero where masked) with the token added."""
        mask = masking.upsample_mask(batch["mask"], self.patch_size)
        return batch["input"] + mask * tf.convert_to_tensor(self.token)


@TASKS.register("mae")
class MaskedAutoencoding(Reconstruction):
    """Mean error over the pixels of masked patches.

    With ratio 0 it is over the whole image: a plain autoencoder.
    """

    settings = (
        *Reconstruction.settings,
        "mask_ratio",
        "mask_fill",
        "loss_region",
    )

    def __init__(self, config, image_size, num_classes):
        super().__init__(config, image_size, num_classes)
        self.num_masked = masking.num_masked_patches(
            image_size, config.patch_size, config.mask_ratio
        )
        self.grid = image_size // config.patch_size

    def map(self, example, seed):
        image = example["image"]
        mask = tf.zeros([self.grid, self.grid])
        masked = image
        if self.num_masked:
            mask = masking.random_patch_mask(
                (self.grid, self.grid), self.num_masked, seed
            )
            masked = masking.fill_masked(
                image,
                mask,
                self.config.patch_size,
                self.config.mask_fill,
                seed + 1,
            )
        return {"input": masked, "target": image, "mask": mask}

    def build_input(self):
        if self.config.mask_fill != "token" or not self.num_masked:
            return None
        layer = MaskToken(self.config.patch_size, name="mask_token")
        layer.build()
        return layer

    def average(self, error, batch):
        """Averages [B, H, W, 3] over masked pixels or all, to [B]."""
        if not self.num_masked or self.config.loss_region == "full":
            return super().average(error, batch)
        size = self.config.patch_size
        mask = masking.upsample_mask(batch["mask"], size)
        count = self.num_masked * size * size * 3
        return tf.reduce_sum(error * mask, [1, 2, 3]) / count
