"""What tasks that predict pixels share: decoder, distance and preview."""

from __future__ import annotations

import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data import masking
from maenas_tf.models.decoder import DECODERS
from maenas_tf.tasks.task import Batch, Task


class Reconstruction(Task):
    """Mean distance d of the decoder's pixels from those wanted.

    L = mean over pixels of d(prediction, wanted), d squared, absolute or
    Huber. A task of this kind supplies a `map` to "input" and "target".

    Attributes:
        targets: the values of --target that the task knows.
    """

    # The ranking of cells by such a loss is inverted in the beginning and
    # turns after about a thousand steps, so alphas wait (README, "Warm-up").
    warmup_fraction = 0.5
    settings = (
        "decoder",
        "decoder_width",
        "patch_size",
        "reconstruction_loss",
        "target",
    )
    targets: tuple[str, ...] = ("pixels", "normalized_patches")

    def __init__(self, config, image_size, num_classes):
        super().__init__(config, image_size, num_classes)
        if config.target not in self.targets:
            raise ConfigError(
                f"--target={config.target} is not defined for "
                f"--task={config.task}; choose one of "
                f"{', '.join(self.targets)}."
            )
        if config.target == "normalized_patches":
            masking.check_masking(image_size, config.patch_size, 0.0)
        DECODERS.get_for_flag("decoder", config.decoder)

    def build_head(self, form):
        """Returns the decoder that --decoder names."""
        width = self.config.decoder_width or self.config.init_channels
        return DECODERS.get(self.config.decoder)(
            self.image_size, width, name="decoder"
        )

    def wanted(self, batch: Batch) -> tf.Tensor:
        """Returns what the decoder is to predict, [B, H, W, 3]."""
        target = batch["target"]
        if self.config.target == "pixels":
            return target
        patches, mean, deviation = self._patch_statistics(target)
        return masking.unpatchify(
            (patches - mean) / deviation, self.config.patch_size
        )

    def to_image(self, batch: Batch, outputs: tf.Tensor) -> tf.Tensor:
        """Returns normalised images of the decoder's outputs."""
        if self.config.target == "pixels":
            return outputs
        _, mean, deviation = self._patch_statistics(batch["target"])
        size = self.config.patch_size
        return masking.unpatchify(
            masking.patchify(outputs, size) * deviation + mean, size
        )

    def average(self, error: tf.Tensor, batch: Batch) -> tf.Tensor:
        """Averages the distances [B, H, W, 3] over the image, to [B]."""
        return tf.reduce_mean(error, [1, 2, 3])

    def losses(self, batch, outputs):
        """Returns the mean distance of each image, [B]."""
        difference = tf.cast(outputs, tf.float32) - self.wanted(batch)
        if self.config.reconstruction_loss == "mse":
            error = tf.square(difference)
        elif self.config.reconstruction_loss == "l1":
            error = tf.abs(difference)
        else:
            size = tf.abs(difference)
            error = tf.where(size < 1.0, 0.5 * tf.square(size), size - 0.5)
        return self.average(error, batch)

    def preview(self, batch, outputs):
        """Returns input, reconstruction and original."""
        image = self.to_image(batch, tf.cast(outputs, tf.float32))
        return batch["input"], image, batch["target"]

    def _patch_statistics(self, target):
        patches = masking.patchify(target, self.config.patch_size)
        mean, variance = tf.nn.moments(patches, [-1], keepdims=True)
        return patches, mean, tf.sqrt(variance + 1e-6)
