"""Denoising: find the image, or the noise, in a noisy image.

The schedule of the noise is our choice, after diffusion models in their
variance-exploding form (Karras et al., 2022, equation 7): all levels in one
network, which is not told the level.
"""

from __future__ import annotations

import tensorflow as tf

from maenas_tf.tasks.reconstruction import Reconstruction
from maenas_tf.tasks.task import TASKS


@TASKS.register("denoising")
class Denoising(Reconstruction):
    """Mean error of the clean image, or of the noise, over the whole image.

        y = x + sigma n,   n ~ N(0, I),   sigma ~ U(0, noise_level)

    x is the normalised image, so a sigma of 1 is noise as strong as the
    image; one sigma for each image and epoch. With --target=noise the head
    predicts n, else x.
    """

    settings = (*Reconstruction.settings, "noise_level")
    targets = (*Reconstruction.targets, "noise")

    def map(self, example, seed):
        image = example["image"]
        level = self.config.noise_level
        sigma = level * tf.random.stateless_uniform([], seed, alg="philox")
        noise = tf.random.stateless_normal(image.shape, seed + 1, alg="philox")
        mapped = {
            "input": image + sigma * noise,
            "target": image,
            "sigma": sigma,
        }
        if self.config.target == "noise":
            mapped["noise"] = noise
        return mapped

    def wanted(self, batch):
        if self.config.target == "noise":
            return batch["noise"]
        return super().wanted(batch)

    def to_image(self, batch, outputs):
        if self.config.target == "noise":
            sigma = tf.reshape(batch["sigma"], [-1, 1, 1, 1])
            return batch["input"] - sigma * outputs
        return super().to_image(batch, outputs)
