"""The mean and the deviation of each channel of a data set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from maenas_tf.data.tracking import track

MAX_STATISTICS_IMAGES = 10_000

# Means and standard deviations in units of 0..1. CIFAR-10's are those of the
# DARTS reference; CIFAR-100's and ImageNet's the customary ones.
KNOWN_STATISTICS = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "imagenet2012": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}

# Images of which the pixels are held at once.
_PART = 200

Statistics = tuple[tuple[float, ...], tuple[float, ...]]


def known_statistics(name: str) -> Statistics | None:
    """Returns what is published for a data set, None if nothing is.

    Args:
        name: of the data set; a tfds configuration or version after it does
            not matter.
    """
    return KNOWN_STATISTICS.get(name.split("/")[0].split(":")[0])


def measure_statistics(
    num_images: int, read: Callable[[np.ndarray], np.ndarray]
) -> Statistics:
    """Measure each channel's mean and deviation over all pixels.

    At most 10,000 images are read, evenly spread over the set. Sums of bytes
    are exact integers, so the result does not depend on the order.

    Args:
        num_images: how many there are.
        read: indices [N] to images, uint8 [N, H, W, C].

    Returns:
        C means and C standard deviations in units of 0..1; the deviation of
        a constant channel is given as 1, so that one can divide by it.
    """
    count = min(num_images, MAX_STATISTICS_IMAGES)
    chosen = np.linspace(0, num_images - 1, count).astype(np.int64)
    histogram = np.zeros((), np.int64)
    parts = np.array_split(chosen, -(-count // _PART))
    for part in track(parts, len(parts), "measuring colours", "part"):
        images = read(part)
        histogram = histogram + np.stack(
            [
                np.bincount(images[..., channel].ravel(), minlength=256)
                for channel in range(images.shape[-1])
            ]
        )
    share = histogram / histogram.sum(axis=1, keepdims=True)
    values = np.arange(256) / 255
    mean = share @ values
    std = np.sqrt(np.maximum(share @ values**2 - mean**2, 0))
    std[std < 1e-6] = 1.0
    return tuple(map(float, mean)), tuple(map(float, std))
