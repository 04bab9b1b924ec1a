"""Images of any size to squares of one."""

from __future__ import annotations

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
    square = centre_square(images)
    resized = tf.image.resize(square, [size, size], antialias=True)
    if images.dtype.is_integer:
        resized = tf.round(resized)
    return tf.saturate_cast(resized, images.dtype)
