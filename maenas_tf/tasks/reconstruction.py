"""What tasks that predict pixels share: decoder, distance and preview."""

from __future__ import annotations

import dataclasses

from etils import epy

from maenas_tf.config import (
    AT_LEAST_ONE,
    ZERO_IS_DEFAULT,
    Config,
    setting,
)
from maenas_tf.data import masking
from maenas_tf.tasks.task import Batch, Task, TaskContext

with epy.lazy_imports():
    import tensorflow as tf

    from maenas_tf.models import decoder


@dataclasses.dataclass(frozen=True)
class ReconstructionSettings(Config):
    """What is predicted, from what, and how far off it may be."""

    decoder: str = setting(
        "hierarchical",
        "from features to pixels: hierarchical, single_scale or linear",
    )
    decoder_width: int = setting(
        0,
        "channels inside the decoder; 0 means init_channels",
        ZERO_IS_DEFAULT,
    )
    patch_size: int = setting(8, "side of a patch in pixels", AT_LEAST_ONE)
    reconstruction_loss: str = setting(
        "mse",
        '"mse", "l1" or "huber"',
        choices=("mse", "l1", "huber"),
    )
    target: str = setting(
        "pixels",
        '"pixels" or "normalized_patches" (each patch standardised)',
        choices=("pixels", "normalized_patches"),
    )


class Reconstruction(Task):
    """Mean distance d of the decoder's pixels from those wanted.

    L = mean over pixels of d(prediction, wanted), d squared, absolute or
    Huber. A task of this kind supplies a `map` to "input" and "target".
    """

    # The ranking of cells by such a loss is inverted in the beginning and
    # turns after about a thousand steps, so alphas wait (docs/method.md).
    warmup_fraction = 0.5
    settings = ReconstructionSettings()

    def __init__(self, settings: ReconstructionSettings, context: TaskContext):
        super().__init__(settings, context)
        # Before patches, or sizes are offered that only they would suit.
        context.plan.check_image_size(self.image_size)
        if settings.target == "normalized_patches":
            masking.check_masking(self.image_size, settings.patch_size, 0.0)
        decoder.DECODERS.get_for_flag("decoder", settings.decoder)

    def build_head(self, form):
        """Returns the decoder that --decoder names."""
        width = self.settings.decoder_width or self.context.init_channels
        return decoder.DECODERS.get(self.settings.decoder)(
            self.image_size, width, name="decoder"
        )

    def wanted(self, batch: Batch) -> tf.Tensor:
        """Returns what the decoder is to predict, [B, H, W, 3]."""
        target = batch["target"]
        if self.settings.target == "pixels":
            return target
        patches, mean, deviation = self._patch_statistics(target)
        return masking.unpatchify(
            (patches - mean) / deviation, self.settings.patch_size
        )

    def to_image(self, batch: Batch, outputs: tf.Tensor) -> tf.Tensor:
        """Returns normalised images of the decoder's outputs."""
        if self.settings.target == "pixels":
            return outputs
        _, mean, deviation = self._patch_statistics(batch["target"])
        size = self.settings.patch_size
        return masking.unpatchify(
            masking.patchify(outputs, size) * deviation + mean, size
        )

    def average(self, error: tf.Tensor, batch: Batch) -> tf.Tensor:
        """Averages the distances [B, H, W, 3] over the image, to [B]."""
        return tf.reduce_mean(error, [1, 2, 3])

    def losses(self, batch, outputs):
        """Returns the mean distance of each image, [B]."""
        difference = tf.cast(outputs, tf.float32) - self.wanted(batch)
        if self.settings.reconstruction_loss == "mse":
            error = tf.square(difference)
        elif self.settings.reconstruction_loss == "l1":
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
        patches = masking.patchify(target, self.settings.patch_size)
        mean, variance = tf.nn.moments(patches, [-1], keepdims=True)
        return patches, mean, tf.sqrt(variance + 1e-6)
