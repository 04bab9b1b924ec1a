"""Moving statistics of whole images, for a network that has seen others.

While a network is pretrained, its normalisations see masked, noisy or cut
images, and so do their moving averages. A network that is then used as it is,
as with --freeze_epochs, would normalise whole images by them.
"""

from __future__ import annotations

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.ops.normalization import EPSILON, MOMENTUM


def estimate_statistics(
    model: keras.Model, batches: Iterable[tf.Tensor]
) -> dict[str, float]:
    """Sets all moving statistics to those of some images.

    Each is the mean of a channel, and its variance, over all of the images;
    what stands before the channel normalises each batch by itself (Wu and
    Johnson, 'Rethinking "Batch" in BatchNorm', 2021, section 3).

    Args:
        model: of `BatchNormalization`s, on one device.
        batches: of images, [B, H, W, 3], normalised, of one size B.

    Returns:
        How far off those before were, each a mean over all channels: "mean",
        the distance of the means in units of the earlier deviation;
        "deviation", that of the deviations, likewise.
    """
    means = _named(model, "moving_mean")
    variances = _named(model, "moving_variance")
    before = _values(means), _values(variances)
    forward = tf.function(lambda x: model(x, training=True), autograph=False)
    sums = [[0.0] * len(means) for _ in range(3)]
    count = 0
    for images in batches:
        for variable in (*means, *variances):
            variable.assign(tf.zeros_like(variable.value))
        forward(images)
        count += 1
        # An average that began with zero holds that part of the batch.
        mean = [value / (1.0 - MOMENTUM) for value in _values(means)]
        variance = [value / (1.0 - MOMENTUM) for value in _values(variances)]
        for place, (m, v) in enumerate(zip(mean, variance, strict=True)):
            sums[0][place] = sums[0][place] + m
            sums[1][place] = sums[1][place] + np.square(m)
            sums[2][place] = sums[2][place] + v
    if not count:
        raise ValueError("There is no batch; give at least one.")
    found = [value / count for value in sums[0]]
    spread = [
        np.maximum(square / count - np.square(m), 0.0) + v / count
        for m, square, v in zip(found, sums[1], sums[2], strict=True)
    ]
    for variables, values in ((means, found), (variances, spread)):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    return _distances(before, (found, spread))


def _named(model: keras.Model, name: str) -> list[keras.Variable]:
    return [v for v in model.non_trainable_variables if v.name == name]


def _values(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [v.value.numpy().astype(np.float64) for v in variables]


def _distances(before, after) -> dict[str, float]:
    old_mean, old_variance, mean, variance = (
        np.concatenate(values) for values in (*before, *after)
    )
    deviation = np.sqrt(old_variance + EPSILON)
    change = np.sqrt(variance + EPSILON) / deviation - 1.0
    return {
        "mean": float(np.mean(np.abs(mean - old_mean) / deviation)),
        "deviation": float(np.mean(np.abs(change))),
    }
