"""The candidates written down plainly: each its own Keras layers.

What `primitives.py` computes, without any of its rewritings: nothing is shared
between candidates, normalisation is a mean, a variance and a division, and the
architecture weight multiplies the output. It is the definition to read, the
oracle that the rewritings are tested against and the baseline that they are
timed against (`tools.benchmark --against=plain`); a search with it is slower
and right all the same, on any number of replicas.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from maenas_tf.ops.convolution import fan_in_uniform
from maenas_tf.ops.mobile import FORMS, MACRO, SIZES
from maenas_tf.ops.normalization import EPSILON, MOMENTUM
from maenas_tf.ops.pooling import average_pool_3x3
from maenas_tf.ops.primitive import Primitive, times, zeros
from maenas_tf.ops.primitives import Noise
from maenas_tf.ops.replica import all_reduce_sum, replicas_of_statistics
from maenas_tf.registry import Registry

PLAIN_PRIMITIVES: Registry = Registry("plain primitive")

layers = keras.layers


class _ByTheBatch(layers.Layer):
    """Batch normalisation of a search: by the batch, with nothing kept.

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    Not Keras' own layer: nothing in a search reads its moving statistics,
    which replicas would keep apart, and its second derivative is wrong, as it
    stops the gradient in its moments. These are of the batches of all
    replicas, or of each one's (`ops.replica.synchronize_statistics`).

    Args:
        affine: learn gamma and beta, else 1 and 0.
        epsilon: added to the variance.
    """

    def __init__(self, affine: bool, epsilon: float, **kwargs):
        super().__init__(**kwargs)
        self.affine = affine
        self.epsilon = epsilon
        self.gamma = self.beta = None

    def build(self, input_shape):
        if self.affine:
            shape = (input_shape[-1],)
            self.gamma = self.add_weight(
                name="gamma", shape=shape, initializer="ones", autocast=False
            )
            self.beta = self.add_weight(
                name="beta", shape=shape, initializer="zeros", autocast=False
            )
        self.built = True

    def call(self, x):
        wide = tf.cast(x, keras.backend.result_type(x.dtype, "float32"))
        mean = _mean_of_all(wide)
        variance = _mean_of_all(tf.square(wide - mean))
        y = tf.nn.batch_normalization(
            wide, mean, variance, self.beta, self.gamma, self.epsilon
        )
        return tf.cast(y, x.dtype)


def _mean_of_all(x: tf.Tensor) -> tf.Tensor:
    """Returns the mean of each channel, [C], over the replicas' batches."""
    mean, replicas = tf.reduce_mean(x, [0, 1, 2]), replicas_of_statistics()
    if replicas == 1:
        return mean
    (total,) = all_reduce_sum([mean])
    return total / replicas


class PlainPrimitive(Primitive):
    """A primitive made of Keras layers, one after the other."""

    def make_layers(self, width: int) -> list[keras.layers.Layer]:
        """Returns the layers, first to last.

        Args:
            width: channels of the input.
        """
        raise NotImplementedError

    def build(self, input_shape):
        width = input_shape[-1]
        self.chain = self.make_layers(width)
        for layer in self.chain:
            layer.build((None, None, None, width))
            # Convolutions change it, and pointwise ones alone name it.
            width = getattr(layer, "filters", None) or width
        self.built = True

    def finish(self, begun, weight, training=False):
        x = begun
        for layer in self.chain:
            if isinstance(layer, layers.BatchNormalization):
                x = layer(x, training=training)
            else:
                x = layer(x)
        return times(x, weight)

    def _normalization(
        self, name: str, affine: bool = False, epsilon: float = EPSILON
    ) -> keras.layers.Layer:
        """Returns a layer, affine in the search if so, else always."""
        if self.search:
            return _ByTheBatch(affine, epsilon, name=name)
        return layers.BatchNormalization(
            momentum=MOMENTUM, epsilon=epsilon, name=name
        )


# Layers are named where they are made: what Keras would make of the name of a
# private class begins with "__", which no scope of a function's graph may.
class _Function(keras.layers.Layer):
    """A function without parameters as a layer."""

    def __init__(
        self, name: str, function: Callable[..., tf.Tensor], **arguments
    ):
        super().__init__(name=name)
        self.function = function
        self.arguments = arguments

    def call(self, x):
        return self.function(x, **self.arguments)


def _pad_by_least(x: tf.Tensor) -> tf.Tensor:
    paddings = [[0, 0], [1, 1], [1, 1], [0, 0]]
    return tf.pad(x, paddings, constant_values=x.dtype.min)


class _Subsampling(keras.layers.Layer):
    """Every second pixel, beginning with the first or the second.

    A convolution of stride 2 is the one of stride 1 subsampled; on CPU the
    filter gradient of a strided 1x1 one is not to be trusted (TF 2.21).
    """

    def __init__(self, first: int = 0, name: str = "subsampling"):
        super().__init__(name=name)
        self.first = first

    def call(self, x):
        if self.first:
            x = tf.pad(x, [[0, 0], [0, 1], [0, 1], [0, 0]])[:, 1:, 1:]
        return x[:, ::2, ::2]


class _TwoHalves(keras.layers.Layer):
    """Two 1x1 convolutions of stride 2, on even and on odd pixels."""

    def __init__(self, channels: int):
        super().__init__(name="two_halves")
        self.filters = channels
        self.subsamplings = [_Subsampling(first) for first in (0, 1)]

    def build(self, input_shape):
        self.convolutions = [
            layers.Conv2D(
                self.filters // 2,
                1,
                use_bias=False,
                kernel_initializer=fan_in_uniform(input_shape[-1]),
                name=name,
            )
            for name in ("even", "odd")
        ]
        for convolution in self.convolutions:
            convolution.build(input_shape)
        self.built = True

    def call(self, x):
        halves = [
            convolution(subsampling(x))
            for convolution, subsampling in zip(
                self.convolutions, self.subsamplings, strict=True
            )
        ]
        return tf.concat(halves, -1)


@PLAIN_PRIMITIVES.register("none")
class PlainZero(PlainPrimitive):
    """Zeros, computed and weighted as anything else."""

    def make_layers(self, width):
        del width
        form = {"stride": self.stride, "channels": self.channels}
        return [_Function("zeros", zeros, **form)]


@PLAIN_PRIMITIVES.register("skip_connect")
class PlainSkip(PlainPrimitive):
    """The identity; at stride 2, factorised reduction."""

    def make_layers(self, width):
        if self.stride == 1:
            self._check_width((None, width))
            return []
        return [
            layers.ReLU(),
            _TwoHalves(self.channels),
            self._normalization("norm"),
        ]


class PlainPooling(PlainPrimitive):
    """3x3 pooling, normalised in the search of the DARTS space."""

    def __init__(self, *args, kind="max", normalize=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.normalize = normalize

    def make_layers(self, width):
        self._check_width((None, width))
        if self.kind == "average":
            # Pixels outside the image do not count, at any stride.
            form = {"stride": self.stride}
            chain = [_Function("average_pool", average_pool_3x3, **form)]
        elif self.stride == 1:
            chain = [layers.MaxPooling2D(3, 1, "same")]
        else:
            chain = [
                _Function("pad_by_least", _pad_by_least),
                layers.MaxPooling2D(3, 2),
            ]
        if self.search and self.normalize:
            chain.append(self._normalization("norm"))
        return chain


class PlainSeparableConv(PlainPrimitive):
    """ReLU, depthwise kxk, pointwise 1x1, normalisation; `repeats` times."""

    def __init__(self, *args, kernel_size=3, dilation=1, repeats=2, **kwargs):
        super().__init__(*args, **kwargs)
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.repeats = repeats

    def make_layers(self, width):
        chain = []
        for i in range(self.repeats):
            chain.append(layers.ReLU())
            chain += self._depthwise(1 if i else self.stride, f"depthwise_{i}")
            chain += [
                layers.Conv2D(
                    self.channels,
                    1,
                    use_bias=False,
                    kernel_initializer=fan_in_uniform(width),
                    name=f"pointwise_{i}",
                ),
                self._normalization(f"norm_{i}"),
            ]
            width = self.channels
        return chain

    def _depthwise(self, stride, name):
        k = self.kernel_size
        strided = stride == 2 and self.dilation == 1
        convolution = layers.DepthwiseConv2D(
            k,
            strides=2 if strided else 1,
            padding="valid" if strided else "same",
            dilation_rate=self.dilation,
            use_bias=False,
            depthwise_initializer=fan_in_uniform(k * k),
            name=name,
        )
        if strided:
            return [layers.ZeroPadding2D(k // 2), convolution]
        # TensorFlow has no dilated depthwise convolution of stride 2.
        return [convolution, _Subsampling()] if stride == 2 else [convolution]


class PlainNasBenchConv(PlainPrimitive):
    """NAS-Bench-201's ReLU, kxk convolution, normalisation."""

    def __init__(self, *args, kernel_size=3, **kwargs):
        super().__init__(*args, **kwargs)
        self.kernel_size = kernel_size

    def make_layers(self, width):
        k, fan_in = self.kernel_size, self.kernel_size**2 * width
        convolution = layers.Conv2D(
            self.channels,
            k,
            padding="same",
            use_bias=self.search,
            kernel_initializer=fan_in_uniform(fan_in),
            bias_initializer=fan_in_uniform(fan_in),
            name="conv",
        )
        chain = [layers.ReLU(), convolution]
        if self.stride == 2:
            chain.append(_Subsampling())
        return [*chain, self._normalization("norm")]


class PlainInvertedBottleneck(PlainPrimitive):
    """Expansion, depthwise and projection, each normalised."""

    def __init__(
        self,
        *args,
        kernel_size=3,
        expansion=3,
        activation="relu",
        epsilon=EPSILON,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.kernel_size = kernel_size
        self.expansion = expansion
        self.limit = {"relu": None, "relu6": 6.0}[activation]
        self.epsilon = epsilon

    def make_layers(self, width):
        k, inner = self.kernel_size, width * self.expansion
        self.residual = self.stride == 1 and width == self.channels
        chain = []
        if self.expansion > 1:
            chain = [
                _pointwise(width, inner, "expand"),
                self._affine("expand_norm"),
                layers.ReLU(self.limit),
            ]
        return [
            *chain,
            layers.ZeroPadding2D(k // 2),
            layers.DepthwiseConv2D(
                k,
                strides=self.stride,
                use_bias=False,
                depthwise_initializer=fan_in_uniform(k * k),
                name="depthwise",
            ),
            self._affine("depthwise_norm"),
            layers.ReLU(self.limit),
            _pointwise(inner, self.channels, "project"),
            self._affine("project_norm"),
        ]

    def finish(self, begun, weight, training=False):
        y = super().finish(begun, None, training)
        if self.residual:
            y = y + begun
        return times(y, weight)

    def _affine(self, name):
        return self._normalization(name, True, self.epsilon)


class PlainShapeChange(PlainInvertedBottleneck):
    """The identity; where the shape changes a 1x1 convolution, normalised."""

    def make_layers(self, width):
        self.residual = False
        if self.stride == 1 and width == self.channels:
            return []
        subsampling = [_Subsampling()] if self.stride == 2 else []
        return [
            *subsampling,
            _pointwise(width, self.channels, "kernel"),
            self._affine("norm"),
        ]


def _pointwise(width: int, channels: int, name: str) -> keras.layers.Layer:
    return layers.Conv2D(
        channels,
        1,
        use_bias=False,
        kernel_initializer=fan_in_uniform(width),
        name=name,
    )


def _register(name: str, make, **settings) -> None:
    PLAIN_PRIMITIVES.register(name)(functools.partial(make, **settings))


_register("noise", Noise)
_register("max_pool_3x3", PlainPooling, kind="max")
_register("avg_pool_3x3", PlainPooling, kind="average")
_register(
    "nasbench201/avg_pool_3x3", PlainPooling, kind="average", normalize=False
)
for _k in (3, 5):
    _register(f"sep_conv_{_k}x{_k}", PlainSeparableConv, kernel_size=_k)
    _register(
        f"dil_conv_{_k}x{_k}",
        PlainSeparableConv,
        kernel_size=_k,
        dilation=2,
        repeats=1,
    )
for _k in (1, 3):
    _register(f"nor_conv_{_k}x{_k}", PlainNasBenchConv, kernel_size=_k)
for _family, _sizes in SIZES.items():
    for _e, _k in _sizes:
        _register(
            f"{_family}/mb{_e}_k{_k}",
            PlainInvertedBottleneck,
            kernel_size=_k,
            expansion=_e,
            **FORMS[_family],
        )
_register("macro/skip_connect", PlainShapeChange, **MACRO)
