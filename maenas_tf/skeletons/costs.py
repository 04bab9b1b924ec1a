"""What primitives cost in the network found, in closed form; no TensorFlow.

Counted as the literature does: trainable parameters (normalisation is affine
in the network found); multiply-accumulates of convolutions, each output pixel
costing the full kernel, at the border too.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

from maenas_tf.config import ConfigError
from maenas_tf.registry import Registry

PRIMITIVE_COSTS: Registry = Registry("primitive with known costs")


@dataclasses.dataclass(frozen=True)
class Cost:
    """What something costs; costs add up.

    Attributes:
        parameters: trainable ones.
        macs: multiply-accumulates of one image's inference.
    """

    parameters: int = 0
    macs: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.parameters + other.parameters, self.macs + other.macs)


# (channels of the input, of the output, size of the input, stride) -> cost
PrimitiveCost = Callable[[int, int, int, int], Cost]


def half(size: int) -> int:
    """Returns the side of an image after a stride of 2."""
    return math.ceil(size / 2)


def conv_norm(kernel: int, width: int, channels: int, size: int) -> Cost:
    """Returns the cost of a bias-free convolution and its normalisation.

    Args:
        kernel: side of the kernel.
        width: channels of the input.
        channels: of the output.
        size: side of the output, pixels.
    """
    weights = kernel * kernel * width * channels
    return Cost(weights + 2 * channels, weights * size * size)


def factorized_reduce(width: int, channels: int, size: int) -> Cost:
    """Returns the cost of `FactorizedReduce`, whose halves make one 1x1.

    Raises:
        ConfigError: the channels have no half.
    """
    if channels % 2:
        raise ConfigError(
            f"A reduction to {channels} channels cannot be made of two "
            f"halves; give an even --eval_init_channels."
        )
    return conv_norm(1, width, channels, size)


def _free(width: int, channels: int, size: int, stride: int) -> Cost:
    """Pooling, zeros, noise: nothing trained, nothing multiplied."""
    del width, channels, size, stride
    return Cost()


def _skip(width: int, channels: int, size: int, stride: int) -> Cost:
    if stride == 1:
        return Cost()
    return factorized_reduce(width, channels, _after(size, stride))


def _separable(
    width: int, channels: int, size: int, stride: int, kernel: int, repeats: int
) -> Cost:
    total, size = Cost(), _after(size, stride)
    for _ in range(repeats):
        weights = kernel * kernel * width + width * channels
        total += Cost(weights + 2 * channels, weights * size * size)
        width = channels
    return total


def _square(
    width: int, channels: int, size: int, stride: int, kernel: int
) -> Cost:
    return conv_norm(kernel, width, channels, _after(size, stride))


def _inverted_bottleneck(
    width: int,
    channels: int,
    size: int,
    stride: int,
    kernel: int,
    expansion: int,
) -> Cost:
    inner, after = width * expansion, _after(size, stride)
    weights = kernel * kernel * inner
    total = Cost(weights + 2 * inner, weights * after * after)
    if expansion > 1:
        total += conv_norm(1, width, inner, size)
    return total + conv_norm(1, inner, channels, after)


def _shape_change(width: int, channels: int, size: int, stride: int) -> Cost:
    if stride == 1 and width == channels:
        return Cost()
    return conv_norm(1, width, channels, _after(size, stride))


def _after(size: int, stride: int) -> int:
    return size if stride == 1 else half(size)


for _name in ("none", "max_pool_3x3", "avg_pool_3x3", "noise"):
    PRIMITIVE_COSTS.register(_name)(_free)
PRIMITIVE_COSTS.register("skip_connect")(_skip)
for _kernel in (3, 5):
    for _kind, _repeats in (("sep", 2), ("dil", 1)):
        PRIMITIVE_COSTS.register(f"{_kind}_conv_{_kernel}x{_kernel}")(
            functools.partial(_separable, kernel=_kernel, repeats=_repeats)
        )
for _kernel in (1, 3):
    PRIMITIVE_COSTS.register(f"nor_conv_{_kernel}x{_kernel}")(
        functools.partial(_square, kernel=_kernel)
    )


for _expansion in (1, 3, 6):
    for _kernel in (3, 5, 7):
        PRIMITIVE_COSTS.register(f"mb{_expansion}_k{_kernel}")(
            functools.partial(
                _inverted_bottleneck, kernel=_kernel, expansion=_expansion
            )
        )
PRIMITIVE_COSTS.register("macro/skip_connect")(_shape_change)


def primitive_cost(
    name: str,
    channels: int,
    size: int,
    stride: int = 1,
    channels_in: int = 0,
    family: str = "",
) -> Cost:
    """Returns the cost of a primitive in the network found.

    Args:
        name: of the primitive.
        channels: of the output.
        size: side of the input, pixels.
        stride: 1 or 2.
        channels_in: of the input; 0 means as of the output.
        family: of the space; it may define a name in its own way, registered
            as "family/name".

    Raises:
        ValueError: the name is unknown.
    """
    own = f"{family}/{name}"
    make = PRIMITIVE_COSTS.get(own if own in PRIMITIVE_COSTS else name)
    return make(channels_in or channels, channels, size, stride)
