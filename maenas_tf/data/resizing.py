"""Images of any size to squares of one."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

DEFAULT_SIZE = 64


def centre_square(images: tf.Tensor) -> tf.Tensor:
    """Cuts the largest square from the centre of images [..., H, W, C]."""
    height, width = images.shape[-3:-1]
    if None in (height, width):
        shape = tf.shape(images)
        height, width = shape[-3], shape[-2]
        side = tf.minimum(height, width)
    elif height == width:
        return images
    else:
        side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[..., top : top + side, left : left + side, :]


def side_before_cut(size: int, center_crop: float) -> int:
    """Returns the side that an image is resized to before its centre is cut.

    Args:
        size: of the centre, pixels.
        center_crop: its side as a part of the whole side.
    """
    return round(size / center_crop)


def resize_images(
    images: tf.Tensor, size: int, center_crop: float = 1.0
) -> tf.Tensor:
    """Resize the shorter side bilinearly, then cut a centre square.

    Cutting the largest square first gives the same picture for less work.

    Args:
        images: [..., H, W, C] of rank 3 or 4, uint8 or floating, H and W may
            be unknown.
        size: side wanted, pixels.
        center_crop: which part of the shorter side the square has: 0.875
            resizes it to 256 pixels for a centre of 224. Where that side has
            the size wanted already, all of it is kept.

    Returns:
        [..., size, size, C] in the dtype of `images`; bytes are rounded.
    """
    square = centre_square(images)
    side = side_before_cut(size, center_crop)
    if side == size:
        return stretch(square, size)
    start = (side - size) // 2
    stop = start + size

    def centre():
        return stretch(square, side)[..., start:stop, start:stop, :]

    fits = tf.equal(tf.shape(square)[-2], size)
    made = tf.cond(fits, lambda: square, centre)
    shape = [*images.shape[:-3], size, size, images.shape[-1]]
    return tf.ensure_shape(made, shape)


def stretch(images: tf.Tensor, size: int) -> tf.Tensor:
    """Resizes images bilinearly to squares, whatever their shape was.

    Args:
        images: [..., H, W, C] of rank 3 or 4, uint8 or floating.
        size: side wanted, pixels.

    Returns:
        [..., size, size, C] in the dtype of `images`; bytes are rounded.
    """
    resized = _resized(images, size)
    if images.dtype.is_integer:
        resized = tf.round(resized)
    return tf.saturate_cast(resized, images.dtype)


def _resized(images: tf.Tensor, size: int) -> tf.Tensor:
    """Does what `tf.image.resize` does, with fewer operations where it can."""
    height, width = images.shape[-3:-1]
    if None in (height, width) or height == width == size:
        return tf.image.resize(images, [size, size], antialias=True)
    resized = tf.raw_ops.ScaleAndTranslate(
        images=images if images.shape.rank == 4 else images[tf.newaxis],
        size=[size, size],
        scale=np.float32(size) / np.array([height, width], np.float32),
        translation=np.zeros(2, np.float32),
        kernel_type="triangle",
        antialias=True,
    )
    return resized if images.shape.rank == 4 else resized[0]
