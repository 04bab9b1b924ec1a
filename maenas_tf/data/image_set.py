"""Images in memory, all of one size, with what is known about them."""

from __future__ import annotations

import dataclasses
import functools
import os

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError

DEFAULT_SIZE = 64

# The array, its tensor and a passing copy between them are alive together.
MEMORY_SHARE = 0.3

MAX_STATISTICS_IMAGES = 10_000

# Means and standard deviations in units of 0..1. CIFAR-10's are those of the
# DARTS reference; CIFAR-100's and ImageNet's the customary ones.
KNOWN_STATISTICS = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "imagenet2012": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one size as bytes, with the statistics that normalise them.

    Attributes:
        images: uint8 [N, H, W, 3], H = W.
        labels: int64 [N], or None when no label was read.
        num_classes: 0 without labels.
        mean: of each channel, in units of 0..1.
        std: of each channel, in units of 0..1.
        name: of the data set.
        num_skipped: files that could not be decoded and were left out.
        class_names: one for each class; empty without labels.
    """

    images: np.ndarray
    labels: np.ndarray | None
    num_classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    name: str
    num_skipped: int = 0
    class_names: tuple[str, ...] = ()

    @property
    def num_images(self) -> int:
        """The number of images N."""
        return len(self.images)

    @property
    def image_size(self) -> int:
        """The side of the images, pixels."""
        return self.images.shape[1]

    @functools.cached_property
    def tensor(self) -> tf.Tensor:
        """The images as one tensor in host memory, made once and shared."""
        with tf.device("CPU:0"):
            return tf.constant(self.images)


def make_image_set(
    images: np.ndarray,
    *,
    name: str,
    labels: np.ndarray | None = None,
    class_names: tuple[str, ...] = (),
    num_skipped: int = 0,
) -> ImageSet:
    """Wrap images, with the data set's known statistics or measured ones.

    Args:
        images: uint8 [N, H, W, 3].
        name: of the data set; a tfds configuration or version after it does
            not matter for the known statistics.
        labels: class indices [N], or None.
        class_names: names of the classes; without them the largest label
            tells how many there are.
        num_skipped: files that could not be decoded.

    Returns:
        The image set.
    """
    if labels is not None:
        labels = np.asarray(labels, np.int64)
        if not class_names:
            count = int(labels.max()) + 1
            class_names = tuple(str(index) for index in range(count))
    base = name.split("/")[0].split(":")[0]
    mean, std = KNOWN_STATISTICS.get(base) or measure_statistics(images)
    return ImageSet(
        images=images,
        labels=labels,
        num_classes=len(class_names),
        mean=mean,
        std=std,
        name=name,
        num_skipped=num_skipped,
        class_names=class_names,
    )


def measure_statistics(
    images: np.ndarray,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Measure each channel's mean and deviation over all pixels.

    At most 10,000 images are read, evenly spread over the set. Sums of bytes
    are exact integers, so the result does not depend on the order.

    Args:
        images: uint8 [N, H, W, C].

    Returns:
        C means and C standard deviations in units of 0..1; the deviation of
        a constant channel is given as 1, so that one can divide by it.
    """
    count = min(len(images), MAX_STATISTICS_IMAGES)
    chosen = np.linspace(0, len(images) - 1, count).astype(np.int64)
    histogram = np.zeros((images.shape[-1], 256), np.int64)
    for part in np.array_split(chosen, max(1, count // 1000)):
        pixels = images[part].reshape(-1, images.shape[-1])
        for channel, counts in enumerate(histogram):
            counts += np.bincount(pixels[:, channel], minlength=256)
    share = histogram / histogram.sum(axis=1, keepdims=True)
    values = np.arange(256) / 255
    mean = share @ values
    std = np.sqrt(np.maximum(share @ values**2 - mean**2, 0))
    std[std < 1e-6] = 1.0
    return tuple(map(float, mean)), tuple(map(float, std))


def resize_images(images: tf.Tensor, size: int) -> tf.Tensor:
    """Resize the shorter side bilinearly, then cut the centre square.

    Cutting the centre square first gives the same picture for less work.

    Args:
        images: [..., H, W, C] of rank 3 or 4, uint8 or floating, H and W may
            be unknown.
        size: side wanted, pixels.

    Returns:
        [..., size, size, C] in the dtype of `images`; bytes are rounded.
    """
    shape = tf.shape(images)
    height, width = shape[-3], shape[-2]
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = images[..., top : top + side, left : left + side, :]
    resized = tf.image.resize(square, [size, size], antialias=True)
    if images.dtype.is_integer:
        resized = tf.round(resized)
    return tf.saturate_cast(resized, images.dtype)


def check_memory(num_images: int, image_size: int) -> None:
    """Refuse image sets that would not fit in memory.

    Args:
        num_images: how many images of three bytes a pixel.
        image_size: their side, pixels.

    Raises:
        ConfigError: they would take more than 30% of the physical memory.
    """
    limit = int(physical_memory() * MEMORY_SHARE)
    needed = num_images * image_size**2 * 3
    if needed > limit:
        most = limit // (image_size**2 * 3)
        raise ConfigError(
            f"{num_images} images of side {image_size} take "
            f"{needed / 2**30:.1f} GiB, more than the {limit / 2**30:.1f} GiB "
            f"(30% of the memory) set apart for them: give a smaller "
            f"--image_size, or --max_images={most} or less."
        )


def physical_memory() -> int:
    """Returns the machine's memory in bytes; 16 GiB where it is not told."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 16 * 2**30
