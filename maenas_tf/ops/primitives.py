"""The candidate operations of the DARTS and NAS-Bench-201 spaces.

Definitions: Liu et al., "DARTS" (2019), and Dong and Yang, "NAS-Bench-201"
(2020), as their reference implementations compute them. In the search
(`search=True`) normalisation is not affine and takes the batch's statistics;
pooling is followed by it; NAS-Bench-201's convolutions carry a bias. In the
network found normalisation is affine with moving statistics and none of the
other two holds.
"""

from __future__ import annotations

import functools

import tensorflow as tf

from maenas_tf.ops import convolution, pooling
from maenas_tf.ops.factorized_reduce import FactorizedReduce
from maenas_tf.ops.normalized import normalized
from maenas_tf.ops.primitive import (
    PRIMITIVES,
    Link,
    Primitive,
    times,
    zeros,
)
from maenas_tf.ops.probe import constant, relu
from maenas_tf.ops.relu_conv_norm import ReluConvNorm
from maenas_tf.ops.replica import num_replicas, replica_id
from maenas_tf.ops.sharing import stream_of
from maenas_tf.ops.source import Phases
from maenas_tf.ops.watched import are_watched
from maenas_tf.registry import Registry


def make_primitive(
    name: str,
    channels: int,
    stride: int,
    search: bool,
    family: str = "",
    registry: Registry = PRIMITIVES,
) -> Primitive:
    """Makes the layer of a primitive name.

    Args:
        name: as the space spells it.
        channels: of the output; those of the input are told by `build`.
        stride: 1 or 2.
        search: the search's form, else the network's.
        family: the space's skeleton; it may define a name in its own way,
            registered as "family/name".
        registry: where the name is looked up.

    Raises:
        ValueError: the name is unknown.
    """
    own = f"{family}/{name}"
    make = registry.get(own if own in registry else name)
    return make(channels, stride, search, name=name)


@PRIMITIVES.register("none")
class Zero(Primitive):
    """Zeros of the (strided) shape; the supernet never computes it."""

    def finish(self, begun, weight, training=False):
        return zeros(begun, self.stride, self.channels)

    def links(self, begun, training):
        return []


class Pooling(Primitive):
    """3x3 pooling, normalised in the search of the DARTS space.

    Args:
        kind: "max" or "average".
        normalize: follow with normalisation while searching.
    """

    spares = True

    def __init__(
        self,
        channels: int,
        stride: int,
        search: bool = True,
        kind: str = "max",
        normalize: bool = True,
        **kwargs,
    ):
        super().__init__(channels, stride, search, **kwargs)
        self.kind = kind
        self.normalize = normalize

    def _pool(self, x):
        pool = {
            "max": pooling.max_pool_3x3,
            "average": pooling.average_pool_3x3,
        }[self.kind]
        if self.norm is None:
            return pool(x, self.stride)
        if self.recompute:
            return normalized(
                self.norm, lambda x: pool(x, self.stride), [x], None, True
            )
        return self.norm.call(pool(x, self.stride))

    def build(self, input_shape):
        self._check_width(input_shape)
        self.norm = None
        if self.search and self.normalize:
            self.norm = self._normalization("norm")
        self.built = True

    def begin(self, source):
        key = (self.kind, self.stride, self.search and self.normalize)
        return source.branch(key, self._pool)

    def finish(self, begun, weight, training=False):
        return times(begun, weight)

    def links(self, begun, training):
        return []


@PRIMITIVES.register("skip_connect")
class SkipConnect(Primitive):
    """The identity; at stride 2, `FactorizedReduce`."""

    def build(self, input_shape):
        self.reduce = None
        if self.stride == 2:
            self.reduce = FactorizedReduce(
                self.channels, self.search, name="reduce"
            )
            self.reduce.build(input_shape)
        else:
            self._check_width(input_shape)
        self.built = True

    def begin(self, source):
        if self.reduce is not None:
            return self.reduce.begin(source)
        return source.value

    def finish(self, begun, weight, training=False):
        if self.reduce is not None:
            return self.reduce.finish(begun, weight, training)
        return times(begun, weight)

    def links(self, begun, training):
        if self.reduce is None:
            return []
        return [Link(self.reduce.convolve, self.reduce.norm)]

    @property
    def is_identity(self):
        return self.stride == 1

    @property
    def spares(self):
        """Whether it keeps nothing of its own."""
        return self.is_identity


class SeparableConv(Primitive):
    """ReLU, depthwise kxk, pointwise 1x1, normalisation; `repeats` times.

    The stride is in the first repetition only, and nothing stands between
    depthwise and pointwise convolution.

    Args:
        kernel_size: k, odd.
        dilation: 1 or 2.
        repeats: 2 for sep_conv, 1 for dil_conv.
    """

    spares = True

    def __init__(
        self,
        channels: int,
        stride: int,
        search: bool = True,
        kernel_size: int = 3,
        dilation: int = 1,
        repeats: int = 2,
        **kwargs,
    ):
        super().__init__(channels, stride, search, **kwargs)
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.repeats = repeats

    def build(self, input_shape):
        k, width = self.kernel_size, input_shape[-1]
        self.depthwise, self.pointwise, self.norms = [], [], []
        for i in range(self.repeats):
            self.depthwise.append(
                self._kernel(f"depthwise_{i}", (k, k, width, 1), k * k)
            )
            self.pointwise.append(
                self._kernel(
                    f"pointwise_{i}", (1, 1, width, self.channels), width
                )
            )
            self.norms.append(self._normalization(f"norm_{i}"))
            width = self.channels
        self.built = True

    @property
    def _subsamples(self) -> bool:
        """Whether every tap falls on an even row and column."""
        return self.dilation == self.stride == 2 and self.repeats == 1

    def begin(self, source):
        if self._subsamples:
            return source.relu_subsampled[0]
        if self.dilation == 2 and source.has_phases:
            return source.relu_phases
        return source.relu

    def finish(self, begun, weight, training=False):
        """Computes all repetitions on what is rectified already."""
        x = begun.value if isinstance(begun, Phases) else begun
        for i in range(self.repeats):
            last = i == self.repeats - 1
            x = self._repetition(
                i,
                relu(x) if i else x,
                self._depthwise(i, begun, training),
                weight if last else None,
                training,
                weight is None,
            )
        return Phases(x) if isinstance(begun, Phases) else x

    def links(self, begun, training):
        def link(i: int) -> Link:
            depthwise = self._depthwise(i, begun, training)

            def compute(x):
                x = x.value if isinstance(x, Phases) else x
                x = depthwise(relu(x) if i else x, self.depthwise[i])
                return convolution.convolve(x, self.pointwise[i])

            return Link(compute, self.norms[i])

        return [link(i) for i in range(self.repeats)]

    def _depthwise(self, i, begun, training):
        """Returns the depthwise convolution of a repetition."""
        alone = self._subsamples or isinstance(begun, Phases)
        return functools.partial(
            convolution.depthwise_convolve,
            stride=1 if i or alone else self.stride,
            dilation=1 if alone else self.dilation,
            training=training,
        )

    def _repetition(self, i, x, depthwise, scale, training, alone):
        """Computes one, of which the gradient keeps little or least."""
        kernels, norm = (self.depthwise[i], self.pointwise[i]), self.norms[i]
        if self.recompute:
            return normalized(
                norm,
                lambda x, k, p: convolution.convolve(depthwise(x, k), p),
                [x, *kernels],
                scale,
                training,
            )
        x = depthwise(x, kernels[0])
        # Of many candidates the gradient of the pointwise kernel keeps x; what
        # is normalised is then one cheap operation away.
        convolve, arguments = convolution.convolve, [x, kernels[1]]
        if not alone and are_watched([tf.convert_to_tensor(kernels[1])])[0]:
            return normalized(norm, convolve, arguments, scale, training)
        return norm.call(convolve(*arguments), scale, training)


class NasBenchConv(Primitive):
    """NAS-Bench-201's ReLU, kxk convolution, normalisation."""

    def __init__(
        self,
        channels: int,
        stride: int,
        search: bool = True,
        kernel_size: int = 3,
        **kwargs,
    ):
        super().__init__(channels, stride, search, **kwargs)
        self.kernel_size = kernel_size

    def build(self, input_shape):
        self.conv = ReluConvNorm(
            self.channels,
            self.kernel_size,
            self.stride,
            use_bias=self.search,
            affine=not self.search,
            moving_statistics=not self.search,
            name="conv",
        )
        self.conv.build(input_shape)
        self.built = True

    def begin(self, source):
        return source.relu

    def finish(self, begun, weight, training=False):
        return self.conv.finish(begun, weight, training)

    def links(self, begun, training):
        return [Link(self.conv.convolve, self.conv.norm)]


@PRIMITIVES.register("noise")
class Noise(Primitive):
    """Fresh N(0, 1) noise of the strided shape (space S4 of RobustDARTS).

    It has no parameter and passes no gradient to its input. The draws are a
    function of the layer's name and of how often it was called, a counter
    that checkpoints hold, so that a resumed run draws the same. Every replica
    draws for the global batch and takes its own part, so that their number
    does not change the result.
    """

    draws = True

    def build(self, input_shape):
        self._check_width(input_shape)
        self.calls = self.add_weight(
            name="calls",
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )
        self.built = True

    def finish(self, begun, weight, training=False):
        calls = tf.convert_to_tensor(self.calls)
        x = begun[:, :: self.stride, :: self.stride]
        count = tf.shape(x)[0]
        noise = tf.random.stateless_normal(
            tf.concat([[count * num_replicas()], tf.shape(x)[1:]], 0),
            tf.stack([stream_of(self), calls]),
        )
        begin = count * replica_id()
        noise = noise[begin : begin + count]
        self.calls.assign(calls + 1)
        return times(constant(tf.cast(noise, x.dtype)), weight)

    def links(self, begun, training):
        return []


for _name, _kind in (("max_pool_3x3", "max"), ("avg_pool_3x3", "average")):
    PRIMITIVES.register(_name)(functools.partial(Pooling, kind=_kind))
for _size in (3, 5):
    PRIMITIVES.register(f"sep_conv_{_size}x{_size}")(
        functools.partial(SeparableConv, kernel_size=_size)
    )
    PRIMITIVES.register(f"dil_conv_{_size}x{_size}")(
        functools.partial(
            SeparableConv, kernel_size=_size, dilation=2, repeats=1
        )
    )
PRIMITIVES.register("nasbench201/avg_pool_3x3")(
    functools.partial(Pooling, kind="average", normalize=False)
)
for _size in (1, 3):
    PRIMITIVES.register(f"nor_conv_{_size}x{_size}")(
        functools.partial(NasBenchConv, kernel_size=_size)
    )
