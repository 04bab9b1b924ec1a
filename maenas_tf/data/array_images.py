"""Images in memory."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from maenas_tf.data.image_source import ImageSource, with_statistics
from maenas_tf.data.pixel_rules import NEW_RULES, PixelRules


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ArrayImages(ImageSource):
    """Images in one array.

    Attributes:
        images: uint8 [N, H, W, 3], H = W.
    """

    images: np.ndarray

    @property
    def num_images(self):
        return len(self.images)

    @property
    def image_size(self):
        return self.images.shape[1]

    @functools.cached_property
    def tensor(self) -> tf.Tensor:
        """The images as one tensor in host memory, made once and shared."""
        # It may be asked for first while a dataset's graph is made.
        with tf.init_scope(), tf.device("CPU:0"):
            return tf.constant(self.images)

    def fetch(self, index):
        return tf.gather(self.tensor, index)

    def read(self, indices):
        return self.images[indices]


def make_array_images(
    images: np.ndarray,
    *,
    name: str,
    labels: Sequence[int] | None = None,
    class_names: tuple[str, ...] = (),
    paths: Sequence[str] = (),
    num_skipped: int = 0,
    num_others: int = 0,
    fingerprint: Mapping[str, str] | None = None,
    pixels: PixelRules = NEW_RULES,
) -> ArrayImages:
    """Wrap images, with the data set's known statistics or measured ones.

    Args:
        images: uint8 [N, H, W, 3].
        name: of the data set; a tfds configuration or version after it does
            not matter for the known statistics.
        labels: class indices [N], or None.
        class_names: names of the classes, where there are labels.
        paths: of the file of each image, where each has one.
        num_skipped: files that could not be decoded.
        num_others: files beside them that are no images.
        fingerprint: of what the images were read from, if it has one.
        pixels: how what was read became bytes.

    Returns:
        The images as a source.
    """
    if labels is not None:
        labels = np.asarray(labels, np.int64)
    return with_statistics(
        ArrayImages(
            images=images,
            name=name,
            labels=labels,
            class_names=class_names,
            paths=paths,
            num_skipped=num_skipped,
            num_others=num_others,
            fingerprint=fingerprint or {},
            pixels=pixels,
        )
    )
