"""Several views of one image, side by side in the batch."""

from __future__ import annotations

import keras
import tensorflow as tf


class FoldViews(keras.layers.Layer):
    """Makes an image of each view: [B, V, h, w, 3] to [B V, h, w, 3]."""

    def call(self, batch):
        """Returns batch["input"] folded; an image's views stay together."""
        x = batch["input"]
        return tf.reshape(x, [-1, *x.shape[2:]])
