"""Spaces and supernets that tests share, and a count of multiplications."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator

import tensorflow as tf

from maenas_tf.models.supernet import Supernet, build_supernet
from maenas_tf.spaces.darts import DartsSpace

WIDTHS = (1, 3, 2)
CHOICES = ("skip_connect", "sep_conv_3x3", "max_pool_3x3")


def ragged_space():
    """Returns a space whose edges have one, three or two candidates."""
    return DartsSpace("ragged", lambda _, index: CHOICES[: WIDTHS[index % 3]])


@functools.cache
def full_supernet(space: str) -> Supernet:
    """Returns the published size, C=16: building one takes seconds."""
    return build_supernet(space, init_channels=16, num_classes=10)


def num_parameters(layer) -> int:
    """Returns the number of trainable numbers."""
    return sum(math.prod(v.shape) for v in layer.trainable_variables)


class Macs:
    """Multiply-accumulates seen so far."""

    count = 0


@contextlib.contextmanager
def counted_macs(monkeypatch) -> Iterator[Macs]:
    """Counts the multiply-accumulates of convolutions, for batches of one."""
    macs = Macs()

    def counting(function, per_output):
        def call(x, kernel, *args, **kwargs):
            y = function(x, kernel, *args, **kwargs)
            macs.count += math.prod(y.shape) * per_output(kernel.shape)
            return y

        return call

    def dense(shape):
        return math.prod(shape[:3])

    def depthwise(shape):
        return math.prod(shape[:2])

    with monkeypatch.context() as patch:
        for name, per_output in (
            ("conv2d", dense),
            ("depthwise_conv2d", depthwise),
        ):
            patched = counting(getattr(tf.nn, name), per_output)
            patch.setattr(tf.nn, name, patched)
        yield macs
