"""The candidate operations of MobileNet-like spaces.

Definitions: Cai et al., "ProxylessNAS" (ICLR 2019), and Su et al.,
"Prioritized Architecture Sampling with Monto-Carlo Tree Search"
(NAS-Bench-Macro, CVPR 2021), as their reference implementations compute them.
Normalisation is affine in the search as well: nothing that follows a layer
could do the scaling.
"""

from __future__ import annotations

import functools

import tensorflow as tf

from maenas_tf.ops import convolution
from maenas_tf.ops.normalization import EPSILON, BatchNormalization
from maenas_tf.ops.primitive import PRIMITIVES, Primitive
from maenas_tf.ops.probe import add, apply, relu, relu6

# Activation and epsilon of a family, the space's skeleton.
MOBILENET = {"activation": "relu6", "epsilon": 1e-3}
MACRO = {"activation": "relu", "epsilon": EPSILON}

ACTIVATIONS = {"relu": relu, "relu6": relu6}


class MobilePrimitive(Primitive):
    """A primitive with affine normalisation.

    Args:
        activation: "relu" or "relu6".
        epsilon: of the normalisations.
    """

    def __init__(
        self,
        channels: int,
        stride: int,
        search: bool = True,
        activation: str = "relu",
        epsilon: float = EPSILON,
        **kwargs,
    ):
        super().__init__(channels, stride, search, **kwargs)
        self.activation = ACTIVATIONS[activation]
        self.epsilon = epsilon

    def _affine(self, name: str, channels: int) -> BatchNormalization:
        layer = BatchNormalization(
            True, not self.search, self.epsilon, name=name
        )
        layer.build((None, None, None, channels))
        return layer


class InvertedBottleneck(MobilePrimitive):
    """1x1 expansion, depthwise kxk and 1x1 projection, each normalised.

    The first two are followed by the activation. A layer of stride 1 that
    keeps the width adds its input (Sandler et al., "MobileNetV2", 2018).

    Args:
        kernel_size: k, odd.
        expansion: width inside, in times the input's; 1 has no expansion.
        activation: as `MobilePrimitive`, as the next.
        epsilon: of the normalisations.
    """

    def __init__(
        self,
        channels: int,
        stride: int,
        search: bool = True,
        kernel_size: int = 3,
        expansion: int = 3,
        **kwargs,
    ):
        super().__init__(channels, stride, search, **kwargs)
        self.kernel_size = kernel_size
        self.expansion = expansion

    def build(self, input_shape):
        k, width = self.kernel_size, input_shape[-1]
        inner = width * self.expansion
        self.residual = self.stride == 1 and width == self.channels
        self.expand = None
        if self.expansion > 1:
            self.expand = self._kernel("expand", (1, 1, width, inner), width)
            self.expand_norm = self._affine("expand_norm", inner)
        self.depthwise = self._kernel("depthwise", (k, k, inner, 1), k * k)
        self.depthwise_norm = self._affine("depthwise_norm", inner)
        self.project = self._kernel(
            "project", (1, 1, inner, self.channels), inner
        )
        self.project_norm = self._affine("project_norm", self.channels)
        self.built = True

    def finish(self, begun, weight, training=False):
        x = begun
        if self.expand is not None:
            x = convolution.convolve(x, self.expand)
            x = self.activation(self.expand_norm.call(x, None, training))
        x = convolution.depthwise_convolve(
            x, self.depthwise, self.stride, 1, training
        )
        x = self.activation(self.depthwise_norm.call(x, None, training))
        x = convolution.convolve(x, self.project)
        x = self.project_norm.call(x, weight, training)
        if not self.residual:
            return x
        shortcut = begun
        if weight is not None:
            shortcut = shortcut * tf.cast(weight, shortcut.dtype)
        return add(x, shortcut)


class ShapeChange(MobilePrimitive):
    """The identity; where the shape changes a 1x1 convolution, normalised."""

    def build(self, input_shape):
        width = input_shape[-1]
        self.kernel = None
        if not self.is_identity or width != self.channels:
            shape = (1, 1, width, self.channels)
            self.kernel = self._kernel("kernel", shape, width)
            self.norm = self._affine("norm", self.channels)
        self.built = True

    def finish(self, begun, weight, training=False):
        x = begun
        if self.kernel is None:
            return x if weight is None else x * tf.cast(weight, x.dtype)
        # Subsampled first: on CPU the filter gradient of a strided 1x1
        # convolution overruns its buffer (TF 2.21, few channels).
        step = self.stride
        x = apply(lambda x: x[:, ::step, ::step], x)
        x = convolution.convolve(x, self.kernel)
        return self.norm.call(x, weight, training)

    @property
    def is_identity(self):
        return self.stride == 1


# Family to (expansion, kernel size) of its candidates; and the one layer of
# mobilenet that is not chosen.
SIZES = {
    "macro": ((3, 3), (6, 5)),
    "mobilenet": ((1, 3), *((e, k) for k in (3, 5, 7) for e in (3, 6))),
}
FORMS = {"macro": MACRO, "mobilenet": MOBILENET}

for _family, _sizes in SIZES.items():
    for _expansion, _size in _sizes:
        PRIMITIVES.register(f"{_family}/mb{_expansion}_k{_size}")(
            functools.partial(
                InvertedBottleneck,
                kernel_size=_size,
                expansion=_expansion,
                **FORMS[_family],
            )
        )
PRIMITIVES.register("macro/skip_connect")(
    functools.partial(ShapeChange, **MACRO)
)
