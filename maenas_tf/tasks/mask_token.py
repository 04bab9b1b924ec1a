"""A learnable colour for what was masked."""

from __future__ import annotations

import keras
import tensorflow as tf

from maenas_tf.data import masking


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
