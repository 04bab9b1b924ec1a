"""Poolings with the reference's symmetric padding; see `convolution`."""

from __future__ import annotations

import tensorflow as tf

from maenas_tf.ops.convolution import pad, padded
from maenas_tf.ops.probe import apply, note
from maenas_tf.ops.tape import several, shape_of


def max_pool_3x3(x: tf.Tensor, stride: int) -> tf.Tensor:
    """Takes the maximum of 3x3 pixels, padding with minus infinity."""
    padding = "SAME"
    if stride > 1:
        x, padding = pad(x, 1, x.dtype.min), "VALID"
    y = tf.nn.max_pool2d(x, 3, stride, padding)
    return note(
        y,
        [x],
        lambda upstream: [
            tf.raw_ops.MaxPoolGrad(
                orig_input=several(x, upstream),
                orig_output=several(y, upstream),
                grad=upstream,
                ksize=[1, 3, 3, 1],
                strides=[1, stride, stride, 1],
                padding=padding,
            )
        ],
    )


def average_pool_3x3(x: tf.Tensor, stride: int) -> tf.Tensor:
    """Averages 3x3 pixels; pixels outside the image do not count."""
    if stride == 1:
        return note(
            tf.nn.avg_pool2d(x, 3, 1, "SAME"),
            [x],
            lambda upstream: [
                tf.raw_ops.AvgPoolGrad(
                    orig_input_shape=shape_of(x, upstream),
                    grad=upstream,
                    ksize=[1, 3, 3, 1],
                    strides=[1, 1, 1, 1],
                    padding="SAME",
                )
            ],
        )
    height, width = x.shape[1], x.shape[2]

    def average(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.avg_pool2d(padded(x, 1), 3, stride, "VALID")

    inside = tf.ones([1, height, width, 1], x.dtype)
    return apply(lambda x: average(x) / average(inside), x)


def average_pool_2x2(x: tf.Tensor) -> tf.Tensor:
    """Averages blocks of 2x2 pixels; an odd last row or column is dropped."""
    return apply(lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"), x)
