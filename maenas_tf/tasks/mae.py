"""Masked autoencoding: reconstruct the patches that were taken away.

That this loss serves both levels of the search is the paper's (arXiv
2311.12086); mask, fill and loss follow MAE (He et al., 2022) and SimMIM (Xie
et al., 2022) and are our choice.
"""

from __future__ import annotations

import dataclasses

from etils import epy

from maenas_tf.config import FRACTION, setting
from maenas_tf.data import masking
from maenas_tf.tasks.reconstruction import (
    Reconstruction,
    ReconstructionSettings,
)
from maenas_tf.tasks.task import TASKS, TaskContext

with epy.lazy_imports():
    import tensorflow as tf

    from maenas_tf.tasks import mask_token


@dataclasses.dataclass(frozen=True)
class MaeSettings(ReconstructionSettings):
    """What is taken away, and where the loss looks."""

    mask_ratio: float = setting(
        0.75, "part of the patches that is masked, in (0, 1)", FRACTION
    )
    mask_fill: str = setting(
        "zero",
        'what stands in a masked patch: "zero" (the data set\'s mean), a '
        'learnable "token", or Gaussian "noise"',
        choices=masking.MASK_FILLS,
    )
    loss_region: str = setting(
        "masked",
        '"masked" patches only, or "full" image',
        choices=("masked", "full"),
    )


@TASKS.register("mae")
class MaskedAutoencoding(Reconstruction):
    """Mean error over the pixels of masked patches.

    With ratio 0 it is over the whole image: a plain autoencoder.
    """

    settings = MaeSettings()

    def __init__(self, settings: MaeSettings, context: TaskContext):
        super().__init__(settings, context)
        self.num_masked = masking.num_masked_patches(
            self.image_size, settings.patch_size, settings.mask_ratio
        )
        self.grid = self.image_size // settings.patch_size

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
                self.settings.patch_size,
                self.settings.mask_fill,
                seed + 1,
            )
        return {"input": masked, "target": image, "mask": mask}

    def build_input(self):
        if self.settings.mask_fill != "token" or not self.num_masked:
            return None
        layer = mask_token.MaskToken(
            self.settings.patch_size, name="mask_token"
        )
        layer.build()
        return layer

    def average(self, error, batch):
        """Averages [B, H, W, 3] over masked pixels or all, to [B]."""
        if not self.num_masked or self.settings.loss_region == "full":
            return super().average(error, batch)
        size = self.settings.patch_size
        mask = masking.upsample_mask(batch["mask"], size)
        count = self.num_masked * size * size * 3
        return tf.reduce_sum(error * mask, [1, 2, 3]) / count
