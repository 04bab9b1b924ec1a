"""The primitives in NumPy, from their definitions, for tests to compare with.

Nothing here knows the layers. Every window is walked explicitly, padding is
symmetric, and the arithmetic is done in float64.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

EPSILON = 1e-5


def relu(x):
    return np.where(x > 0, x, 0.0)


def taps(x, size, stride=1, dilation=1, fill=0.0):
    """Yields row, column and the pixels [B, H', W', C] under that tap.

    The window is centred: dilation * (size - 1) / 2 pixels of `fill` are
    added on every side.
    """
    batch, height, width, channels = x.shape
    pad = dilation * (size - 1) // 2
    padded = np.full(
        (batch, height + 2 * pad, width + 2 * pad, channels), fill, np.float64
    )
    padded[:, pad : pad + height, pad : pad + width] = x
    for row in range(size):
        for column in range(size):
            rows = [i + row * dilation for i in range(0, height, stride)]
            columns = [j + column * dilation for j in range(0, width, stride)]
            yield row, column, padded[:, rows][:, :, columns]


def convolve(x, kernel, stride=1, bias=None):
    """Convolves [B, H, W, C] with [k, k, C, D]."""
    total = 0.0
    for row, column, pixels in taps(x, kernel.shape[0], stride):
        total = total + np.einsum("bijc,cd->bijd", pixels, kernel[row, column])
    return total if bias is None else total + bias


def depthwise_convolve(x, kernel, stride=1, dilation=1):
    """Convolves each channel of [B, H, W, C] with its part of [k, k, C, 1]."""
    total = 0.0
    for row, column, pixels in taps(x, kernel.shape[0], stride, dilation):
        total = total + pixels * kernel[row, column, :, 0]
    return total


def max_pool_3x3(x, stride=1):
    windows = [pixels for _, _, pixels in taps(x, 3, stride, fill=-np.inf)]
    return np.max(windows, axis=0)


def average_pool_3x3(x, stride=1):
    """Averages the pixels of the window that lie inside the image."""
    inside = np.ones_like(x)
    total = sum(pixels for _, _, pixels in taps(x, 3, stride))
    count = sum(pixels for _, _, pixels in taps(inside, 3, stride))
    return total / count


def batch_normalize(x, scale=1.0, offset=0.0, epsilon=EPSILON):
    """Normalises by the mean and the biased variance of the batch."""
    flat = x.reshape(-1, x.shape[-1])
    mean = flat.sum(0) / len(flat)
    variance = ((flat - mean) ** 2).sum(0) / len(flat)
    return normalize(x, mean, variance, scale, offset, epsilon)


def normalize(x, mean, variance, scale=1.0, offset=0.0, epsilon=EPSILON):
    return scale * (x - mean) / np.sqrt(variance + epsilon) + offset


def norm(x, weights: Mapping[str, np.ndarray], name: str, search: bool):
    """Applies the normalisation whose variables begin with `name`.

    In the search it takes the batch's statistics and has no variables; in
    the network (at inference) it has four.
    """
    if search:
        assert not [key for key in weights if key.startswith(f"{name}/")]
        return batch_normalize(x)
    return normalize(
        x,
        weights[f"{name}/moving_mean"],
        weights[f"{name}/moving_variance"],
        weights[f"{name}/gamma"],
        weights[f"{name}/beta"],
    )


def factorized_reduce(x, weights, search):
    """Joins 1x1 convolutions of the pixels at (2i, 2j), (2i+1, 2j+1)."""
    x = relu(x)
    batch, height, width, channels = x.shape
    rows, columns = (height + 1) // 2, (width + 1) // 2
    padded = np.zeros((batch, 2 * rows, 2 * columns, channels))
    padded[:, :height, :width] = x
    halves = []
    for shift, name in ((0, "even"), (1, "odd")):
        kernel = weights[name][0, 0]
        half = np.zeros((batch, rows, columns, kernel.shape[-1]))
        for i in range(rows):
            for j in range(columns):
                pixel = padded[:, 2 * i + shift, 2 * j + shift]
                half[:, i, j] = pixel @ kernel
        halves.append(half)
    return norm(np.concatenate(halves, -1), weights, "norm", search)


def separable(x, weights, stride, search, dilation=1, repeats=2):
    for i in range(repeats):
        x = depthwise_convolve(
            relu(x),
            weights[f"depthwise_{i}"],
            stride if i == 0 else 1,
            dilation,
        )
        x = convolve(x, weights[f"pointwise_{i}"])
        x = norm(x, weights, f"norm_{i}", search)
    return x


def relu_conv_norm(x, weights, stride, search):
    """ReLU, convolution with whatever bias there is, normalisation."""
    bias = weights.get("bias")
    x = convolve(relu(x), weights["kernel"], stride, bias)
    return norm(x, weights, "norm", search)


def affine_norm(x, weights, name, search, epsilon):
    """Applies a normalisation that is affine in search and network."""
    own = below(weights, name)
    if search:
        return batch_normalize(x, own["gamma"], own["beta"], epsilon)
    return normalize(
        x,
        own["moving_mean"],
        own["moving_variance"],
        own["gamma"],
        own["beta"],
        epsilon,
    )


def inverted_bottleneck(x, weights, stride, search, top, epsilon):
    """Expansion, depthwise and projection; activation cut off at `top`."""
    y = x
    if "expand" in weights:
        y = convolve(y, weights["expand"])
        y = affine_norm(y, weights, "expand_norm", search, epsilon)
        y = np.minimum(relu(y), top)
    y = depthwise_convolve(y, weights["depthwise"], stride)
    y = affine_norm(y, weights, "depthwise_norm", search, epsilon)
    y = convolve(np.minimum(relu(y), top), weights["project"])
    y = affine_norm(y, weights, "project_norm", search, epsilon)
    return y + x if y.shape == x.shape else y


def below(weights, prefix):
    """Returns the entries under `prefix/`, without the prefix."""
    return {
        key.removeprefix(f"{prefix}/"): value
        for key, value in weights.items()
        if key.startswith(f"{prefix}/")
    }


def primitive(name, x, weights, stride, search):
    """Computes a primitive; the network's form as at inference.

    Args:
        name: as the space spells it; "nasbench201/..." is that space's own.
        x: [B, H, W, C].
        weights: variables by their name inside the layer.
        stride: 1 or 2.
        search: the search's form, else the network's.
    """
    family, _, name = name.rpartition("/")
    if name == "none":
        return np.zeros_like(x[:, ::stride, ::stride])
    if name == "skip_connect":
        if stride == 1:
            return x
        if family == "macro":
            y = convolve(x[:, ::stride, ::stride], weights["kernel"])
            return affine_norm(y, weights, "norm", search, EPSILON)
        return factorized_reduce(x, below(weights, "reduce"), search)
    if name.endswith("pool_3x3"):
        pool = max_pool_3x3 if name.startswith("max") else average_pool_3x3
        pooled = pool(x, stride)
        return batch_normalize(pooled) if search and not family else pooled
    if name.startswith("sep_conv"):
        return separable(x, weights, stride, search)
    if name.startswith("dil_conv"):
        return separable(x, weights, stride, search, dilation=2, repeats=1)
    if name.startswith("mb"):
        top, epsilon = (6.0, 1e-3) if family == "mobilenet" else (1e9, EPSILON)
        return inverted_bottleneck(x, weights, stride, search, top, epsilon)
    if name.startswith("nor_conv"):
        return relu_conv_norm(x, below(weights, "conv"), stride, search)
    raise ValueError(f"no oracle for {name!r}")
