"""One pass of a network at its initialisation, with all that scores look at."""

from __future__ import annotations

import functools

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.models.shared_network import SharedNetwork
from maenas_tf.ops.probe import Compute, Probe, probing
from maenas_tf.ops.tape import Tape
from maenas_tf.scores.patterns import Patterns
from maenas_tf.spaces import Genotype


class Recording(Probe):
    """Shows images to a network and takes down what happens.

    Normalisation is by the statistics of the batch. All variables are as
    before afterwards. What is noted lives as long as this object.

    Args:
        network: holds the weights.
        genotype: whose network it is.
        images: [B, H, W, 3].

    Attributes:
        activations: what each ReLU is fed with, [B, ...]; that of a node is
            one, however many operations read it.
        features: the outputs of stem, cells and what stands between them.
        num_convolutions: how many were computed.
        logits: [B, classes].
    """

    def __init__(
        self, network: SharedNetwork, genotype: Genotype, images: tf.Tensor
    ):
        self.images = images
        self.activations: list[tf.Tensor] = []
        self.num_convolutions = 0
        super().__init__(Tape(), network.kernels)
        self.tape.watch(images)
        self._values: dict[str, tf.Tensor] = {"images": images}
        self._blocks, self._starts = [], []
        # What a pass assigns, such as counters, ends with the scope.
        with keras.StatelessScope(), probing(self):
            for block in network.blocks(genotype):
                inputs = [self._values[name] for name in block.inputs]
                self._starts.append(self.tape.length)
                self._values[block.name] = block.compute(inputs)
                self._blocks.append(block)
            self._starts.append(self.tape.length)
            self.logits = network.classify(network.pool(self.features[-1]))

    def before_activation(self, x):
        self.activations.append(x)

    def after_convolution(self, x, y, kernel, compute: Compute):
        self.num_convolutions += 1

    @property
    def features(self) -> list[tf.Tensor]:
        """The outputs of all blocks."""
        return [self._values[block.name] for block in self._blocks]

    @functools.cached_property
    def entropies(self) -> list[float]:
        """Those of all features, nats."""
        return [entropy(feature) for feature in self.features]

    @functools.cached_property
    def patterns(self) -> Patterns:
        """Those of all units."""
        return Patterns(self.activations)

    def previous(self, number: int) -> tf.Tensor:
        """Returns the newest input of a block, by its number."""
        return self._values[self._blocks[number].inputs[-1]]

    def to_previous(self, number: int, upstream: tf.Tensor) -> tf.Tensor:
        """Returns the gradient of a block's newest input, from its output's."""
        (gradient,) = self.tape.gradients(
            self.features[number],
            upstream,
            [self.previous(number)],
            *self._starts[number : number + 2],
        )
        return gradient

    def to_images(
        self, upstream: tf.Tensor, hold_statistics: bool = False
    ) -> tf.Tensor:
        """Returns the gradient of the images, from that of the logits.

        Args:
            upstream: like the logits.
            hold_statistics: take those by which layers normalise for
                constants; else the logits of all images depend on each.
        """
        (gradient,) = self.tape.gradients(
            self.logits,
            upstream,
            [self.images],
            hold_statistics=hold_statistics,
        )
        return gradient


def entropy(feature: tf.Tensor) -> float:
    """Returns the entropy of the spectrum of the channels' covariance, nats.

        -sum_i p_i log(p_i + 1e-8),  p = eigenvalues / their sum

    Args:
        feature: [B, H, W, C]; a constant one has an entropy of 0.
    """
    x = tf.reshape(feature, [-1, feature.shape[-1]])
    x = x - tf.reduce_mean(x, 0)
    covariance = tf.matmul(x, x, transpose_a=True).numpy().astype(np.float64)
    eigenvalues = np.maximum(np.linalg.eigvalsh(covariance), 0.0)
    total = eigenvalues.sum()
    if total <= 0.0:
        return 0.0
    shares = eigenvalues / total
    return float(-(shares * np.log(shares + 1e-8)).sum())
