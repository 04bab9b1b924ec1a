"""Denoising: find the image, or the noise, in a noisy image.

The schedule of the noise is our choice, after diffusion models in their
variance-exploding form (Karras et al., 2022, equation 7): all levels in one
network, which is not told the level.
"""

from __future__ import annotations

import dataclasses

from etils import epy

from maenas_tf.config import POSITIVE, setting
from maenas_tf.tasks.reconstruction import (
    Reconstruction,
    ReconstructionSettings,
)
from maenas_tf.tasks.task import TASKS

with epy.lazy_imports():
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class DenoisingSettings(ReconstructionSettings):
    """How strong the noise is, and whether to find it or the image."""

    target: str = setting(
        "pixels",
        'the same or "noise"',
        choices=("pixels", "normalized_patches", "noise"),
    )
    noise_level: float = setting(
        1.5,
        "standard deviation of the strongest noise, where the image's is 1; "
        "each image has its own, uniform from 0",
        POSITIVE,
    )


@TASKS.register("denoising")
class Denoising(Reconstruction):
    """Mean error of the clean image, or of the noise, over the whole image.

        y = x + sigma n,   n ~ N(0, I),   sigma ~ U(0, noise_level)

    x is the normalised image, so a sigma of 1 is noise as strong as the
    image; one sigma for each image and epoch. With --target=noise the head
    predicts n, else x.
    """

    settings = DenoisingSettings()

    def map(self, example, seed):
        image = example["image"]
        level = self.settings.noise_level
        sigma = level * tf.random.stateless_uniform([], seed, alg="philox")
        noise = tf.random.stateless_normal(image.shape, seed + 1, alg="philox")
        mapped = {
            "input": image + sigma * noise,
            "target": image,
            "sigma": sigma,
        }
        if self.settings.target == "noise":
            mapped["noise"] = noise
        return mapped

    def wanted(self, batch):
        if self.settings.target == "noise":
            return batch["noise"]
        return super().wanted(batch)

    def to_image(self, batch, outputs):
        if self.settings.target == "noise":
            sigma = tf.reshape(batch["sigma"], [-1, 1, 1, 1])
            return batch["input"] - sigma * outputs
        return super().to_image(batch, outputs)
