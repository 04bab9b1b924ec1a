"""Networks at their initialisation, and what they are shown."""

from __future__ import annotations

import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf

from maenas_tf.models.shared_network import SharedNetwork
from maenas_tf.ops.probe import Probe, probing
from maenas_tf.scores.recording import Recording
from maenas_tf.spaces import Genotype

# Images that a network is shown; as many as the patterns of regions have bits.
NUM_IMAGES = 16


def noise(image_size: int, seed: int, count: int = NUM_IMAGES) -> tf.Tensor:
    """Returns images of independent N(0, 1) pixels, [count, H, W, 3].

    Args:
        image_size: side, pixels.
        seed: of the pixels.
        count: number of images.
    """
    rng = np.random.default_rng((seed, image_size))
    shape = (count, image_size, image_size, 3)
    return tf.constant(rng.normal(size=shape), tf.float32)


@dataclasses.dataclass(frozen=True)
class Start:
    """Where every candidate begins.

    Attributes:
        network: holds the weights of all.
        images: that each is shown, noise or the user's, [B, H, W, 3].
    """

    network: SharedNetwork
    images: tf.Tensor

    def candidate(self, genotype: Genotype) -> Candidate:
        """Returns a candidate, of which nothing has been computed yet."""
        return Candidate(self, genotype)


class Candidate:
    """A network that is judged; what several scores need is computed once.

    Args:
        start: its weights and images.
        genotype: whose network it is.
    """

    def __init__(self, start: Start, genotype: Genotype):
        self.start = start
        self.genotype = genotype

    @functools.cached_property
    def recording(self) -> Recording:
        """One pass, normalised by the batch."""
        return Recording(self.start.network, self.genotype, self.start.images)

    def feature(self, probe: Probe, images: tf.Tensor) -> tf.Tensor:
        """Returns the last feature of a pass that a probe is shown.

        Args:
            probe: is shown it.
            images: [B, H, W, 3].
        """
        values = {"images": images}
        if probe.tape is not None:
            probe.tape.watch(images)
        with keras.StatelessScope(), probing(probe):
            for block in self.start.network.blocks(self.genotype):
                inputs = [values[name] for name in block.inputs]
                values[block.name] = block.compute(inputs)
        return values[block.name]

    def pooled(self, probe: Probe, feature: tf.Tensor) -> tf.Tensor:
        """Returns what the classifier weighs, [B, C], shown to a probe."""
        with probing(probe):
            return self.start.network.pool(feature)
