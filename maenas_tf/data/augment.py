"""Stateless augmentation of single images.

Each function is a pure function of the image and its seed, so that a run
resumed in mid-epoch sees the same pixels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from maenas_tf.config import BatchSettings
from maenas_tf.config.data import REFLECT, RESIZED, ZERO, read_jitter
from maenas_tf.data.color_jitter import jitter_colors
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.windows import propose_windows

_PAD_MODES = {REFLECT: "REFLECT", ZERO: "CONSTANT"}


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What becomes of an image on its way to the network.

    This one leaves bytes as they are; others add to `pixels`.

    Attributes:
        cutout_size: side of the square of values set to zero; 0 is off.
    """

    cutout_size: int = 0

    def pixels(
        self,
        images: ImageSource,
        index: tf.Tensor,
        crop_seed: tf.Tensor,
        flip_seed: tf.Tensor,
    ) -> tf.Tensor:
        """Fetches an image and makes bytes of one size of it.

        Args:
            images: where it comes from.
            index: int64 [], its number.
            crop_seed: int32 [2], of where to cut.
            flip_seed: int32 [2], of whether to mirror, and of colours.

        Returns:
            uint8 [S, S, 3], where S is the size of the images.
        """
        del crop_seed, flip_seed
        return images.fetch(index)

    def values(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Blanks a square of a normalised image.

        Args:
            image: float32 [H, W, 3].
            seed: int32 [2]; the task's own, so that a task which draws from
                it as well should see no cutout.

        Returns:
            Like `image`.
        """
        return cutout(image, self.cutout_size, seed)


@dataclasses.dataclass(frozen=True)
class CropAndFlip(Augmentation):
    """Crops with a padding of 1/8 of the side, then mirrors every other one.

    Attributes:
        crop_padding: what it pads with, as of `random_crop`.
        color_jitter: how much colours change, as of `jitter_colors`.
    """

    crop_padding: str = REFLECT
    color_jitter: tuple[float, ...] = ()

    def pixels(self, images, index, crop_seed, flip_seed):
        # No super(): AutoGraph, which reads this, keeps a frame alive for it,
        # and with that the first graph that was made.
        image = images.fetch(index)
        image = random_crop(
            image, images.image_size // 8, crop_seed, self.crop_padding
        )
        return _flip_and_jitter(image, self.color_jitter, flip_seed)


@dataclasses.dataclass(frozen=True)
class ResizedCropAndFlip(Augmentation):
    """Cuts a window of random size and shape, resizes it, mirrors every other.

    The window is cut from the whole image, before its size is fixed (Szegedy
    et al., "Going Deeper with Convolutions", 2015, section 6).

    Attributes:
        least_area: of the window, as a part of the image's.
        color_jitter: how much colours change, as of `jitter_colors`.
    """

    least_area: float = 0.08
    color_jitter: tuple[float, ...] = ()

    def pixels(self, images, index, crop_seed, flip_seed):
        proposals = propose_windows(crop_seed, self.least_area)
        image = images.fetch_window(index, proposals)
        return _flip_and_jitter(image, self.color_jitter, flip_seed)


def _flip_and_jitter(
    image: tf.Tensor, color_jitter: Sequence[float], seed: tf.Tensor
) -> tf.Tensor:
    image = random_flip(image, seed)
    if any(color_jitter):
        # What is drawn for colours has nothing to do with the flip.
        seed = tf.random.experimental.stateless_fold_in(seed, 1)
        image = jitter_colors(image, color_jitter, seed)
    return image


def make_augmentation(
    settings: BatchSettings, cutout_size: int = 0
) -> Augmentation:
    """Returns what settings and --cutout ask for."""
    if not settings.augment:
        return Augmentation(cutout_size)
    jitter = read_jitter(settings.color_jitter)
    if settings.crop == RESIZED:
        return ResizedCropAndFlip(cutout_size, settings.crop_area, jitter)
    return CropAndFlip(cutout_size, settings.crop_padding, jitter)


def random_crop(
    image: tf.Tensor, padding: int, seed: tf.Tensor, content: str = REFLECT
) -> tf.Tensor:
    """Pad on all sides and cut the original size at random.

    Args:
        image: [H, W, C], static shape, any dtype.
        padding: pixels added to each side, fewer than the image has; 0
            returns the image.
        seed: int32 [2].
        content: what is added: "reflect", the image mirrored at its border,
            or "zero", black. Black is as in the DARTS reference; in bright
            images of little contrast it is many standard deviations from all
            else, and the loss that of the border.

    Returns:
        [H, W, C]: the image moved by up to `padding` pixels each way, all
        (2 padding + 1)^2 moves equally likely.
    """
    if padding == 0:
        return image
    sides = [[padding, padding], [padding, padding], [0, 0]]
    padded = tf.pad(image, sides, _PAD_MODES[content])
    corner = tf.random.stateless_uniform(
        [2], seed, 0, 2 * padding + 1, dtype=tf.int32, alg="philox"
    )
    begin = tf.concat([corner, [0]], axis=0)
    return tf.slice(padded, begin, image.shape)


def random_flip(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirror the image left to right with probability one half.

    Args:
        image: [H, W, C].
        seed: int32 [2].

    Returns:
        [H, W, C].
    """
    draw = tf.random.stateless_uniform([], seed, alg="philox")
    return tf.where(draw < 0.5, tf.reverse(image, axis=[1]), image)


def normalize(
    image: tf.Tensor, mean: Sequence[float], std: Sequence[float]
) -> tf.Tensor:
    """Standardise bytes per channel, (image / 255 - mean) / std.

    Computed as one product and one sum, image * a + b with a = 1 / (255 std)
    and b = -mean / std.

    Args:
        image: uint8 [..., C].
        mean: C means, in units of 0..1.
        std: C standard deviations, in units of 0..1.

    Returns:
        float32, shape of `image`.
    """
    scale = tf.constant([1 / (255 * value) for value in std], tf.float32)
    shift = tf.constant(
        [-m / s for m, s in zip(mean, std, strict=True)], tf.float32
    )
    return tf.cast(image, tf.float32) * scale + shift


def cutout(image: tf.Tensor, size: int, seed: tf.Tensor) -> tf.Tensor:
    """Set a square at a random place to zero, the data set's mean.

    The centre is any pixel, all equally likely, so the square may reach over
    the border (DeVries and Taylor, "Improved Regularization of Convolutional
    Neural Networks with Cutout", 2017).

    Args:
        image: [H, W, C], static shape, normalised.
        size: side of the square, pixels; 0 returns the image.
        seed: int32 [2].

    Returns:
        Like `image`.
    """
    if size == 0:
        return image
    height, width, _ = image.shape
    draws = tf.random.stateless_uniform([2], seed, alg="philox")
    centre = tf.cast(draws * (height, width), tf.int32)
    rows = _within(height, centre[0] - size // 2, size)
    columns = _within(width, centre[1] - size // 2, size)
    blank = rows[:, tf.newaxis] & columns[tf.newaxis, :]
    return tf.where(blank[..., tf.newaxis], tf.zeros_like(image), image)


def _within(length: int, start: tf.Tensor, size: int) -> tf.Tensor:
    """Return bool [length]: whether a place is in [start, start + size)."""
    places = tf.range(length)
    return (places >= start) & (places < start + size)
