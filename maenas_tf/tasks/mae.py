"""Masked autoencoding: reconstruct the patches that were taken away.

That this loss serves both levels of the search is the paper's (arXiv
2311.12086); mask, fill and loss follow MAE (He et al., 2022) and SimMIM (Xie
et al., 2022) and are our choice.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data import masking
from maenas_tf.models.decoder import DECODERS
from maenas_tf.tasks.task import TASKS, Task


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
class MaskedAutoencoding(Task):
    """Mean error over the pixels of masked patches.

    L = mean over masked pixels of d(prediction, target), d squared, absolute
    or Huber. With ratio 0 it is over the whole image: a plain autoencoder.
    """

    # The ranking of cells by this loss is inverted in the beginning and turns
    # after about a thousand steps, so alphas wait (README, "Warm-up").
    warmup_fraction = 0.5

    def __init__(self, config, image_size, num_classes):
        super().__init__(config, image_size, num_classes)
        masking.check_masking(image_size, config.patch_size, config.mask_ratio)
        if config.decoder not in DECODERS:
            try:
                DECODERS.get(config.decoder)
            except ValueError as error:
                raise ConfigError(f"--decoder: {error}") from error
        self.grid = image_size // config.patch_size
        self.num_masked = 0
        if config.mask_ratio > 0:
            self.num_masked = masking.num_masked_patches(
                image_size, config.patch_size, config.mask_ratio
            )

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

    def build_head(self, space):
        width = self.config.decoder_width or self.config.init_channels
        return DECODERS.get(self.config.decoder)(
            self.image_size, width, name="decoder"
        )

    def build_input(self):
        if self.config.mask_fill != "token" or not self.num_masked:
            return None
        layer = MaskToken(self.config.patch_size, name="mask_token")
        layer.build()
        return layer

    def _patch_statistics(self, target):
        patches = masking.patchify(target, self.config.patch_size)
        mean, variance = tf.nn.moments(patches, [-1], keepdims=True)
        return patches, mean, tf.sqrt(variance + 1e-6)

    def _target(self, batch):
        target = batch["target"]
        if self.config.target == "pixels":
            return target
        patches, mean, deviation = self._patch_statistics(target)
        return masking.unpatchify(
            (patches - mean) / deviation, self.config.patch_size
        )

    def _average(self, error, mask):
        """Averages [B, H, W, 3] over masked pixels or all, to [B]."""
        if not self.num_masked or self.config.loss_region == "full":
            return tf.reduce_mean(error, [1, 2, 3])
        size = self.config.patch_size
        mask = masking.upsample_mask(mask, size)
        count = self.num_masked * size * size * 3
        return tf.reduce_sum(error * mask, [1, 2, 3]) / count

    def losses(self, batch, outputs):
        difference = tf.cast(outputs, tf.float32) - self._target(batch)
        if self.config.reconstruction_loss == "mse":
            error = tf.square(difference)
        elif self.config.reconstruction_loss == "l1":
            error = tf.abs(difference)
        else:
            size = tf.abs(difference)
            error = tf.where(size < 1.0, 0.5 * tf.square(size), size - 0.5)
        return self._average(error, batch["mask"])

    def preview(self, batch, outputs):
        outputs = tf.cast(outputs, tf.float32)
        if self.config.target == "normalized_patches":
            _, mean, deviation = self._patch_statistics(batch["target"])
            size = self.config.patch_size
            outputs = masking.unpatchify(
                masking.patchify(outputs, size) * deviation + mean, size
            )
        return batch["input"], outputs, batch["target"]
