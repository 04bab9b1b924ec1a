"""Small networks at their initialisation, and the same ones by Keras."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from maenas_tf.models.network import Network
from maenas_tf.models.shared_network import SharedNetwork
from maenas_tf.ops.probe import Probe, probing
from maenas_tf.scores.start import Start, noise
from maenas_tf.skeletons import NetworkSize, search_cells
from maenas_tf.skeletons.plan import IMAGES, Cell
from maenas_tf.spaces import SPACES, Genotype

SIDES = {"macro": 16, "mobilenet": 64}


def size_of(space_name: str) -> NetworkSize:
    """Returns the smallest size that a test needs."""
    staged = space_name in ("nasbench201", "macro", "mobilenet")
    return NetworkSize(
        8 if space_name in ("macro", "mobilenet") else 4,
        1 if staged else 3,
        SIDES.get(space_name, 8),
        stem="imagenet" if space_name == "mobilenet" else "cifar",
    )


@functools.cache
def make_start(space_name: str, images: int = 6) -> Start:
    """Returns networks of a space and noise."""
    size = size_of(space_name)
    network = SharedNetwork(SPACES.get(space_name), size)
    return Start(network, noise(size.image_size, 0, images))


def some(space_name: str, seed: int = 0) -> Genotype:
    """Returns a random genotype."""
    rng = np.random.default_rng(seed)
    return SPACES.get(space_name).random_genotype(rng)


def stand_alone(start: Start, genotype: Genotype) -> Network:
    """Returns the network of a genotype alone, with the shared weights."""
    size = start.network.plan.size
    network = Network(
        genotype,
        size.num_classes,
        size.init_channels,
        search_cells(start.network.space, size.num_cells),
        size.image_size,
        size.stem,
    )
    shared = start.network
    values = {
        v.path: v.numpy()
        for v in [*shared.trunk.variables, *shared.head.variables]
    }
    for variable in network.variables:
        # Of what normalises, some has a scale of 1 in the one form alone.
        if "norm" not in variable.path:
            variable.assign(values[variable.path])
    return network


def outputs(network: Network, images: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns what every part of a network puts out, name to [B, H, W, C]."""
    values = {IMAGES: images}
    trunk = network.trunk
    for placement, layer in zip(
        trunk.plan.placements, trunk.placed, strict=True
    ):
        inputs = [values[name] for name in placement.inputs]
        given = inputs if isinstance(placement, Cell) else inputs[-1]
        values[placement.name] = layer.call(given, training=True)
    return values


class Watched(Probe):
    """Keeps what a Keras network's ReLUs are fed with."""

    def __init__(self):
        super().__init__()
        self.activations = []

    def before_activation(self, x):
        self.activations.append(x)


def watch(network: Network, images: tf.Tensor) -> list[tf.Tensor]:
    """Returns what the ReLUs of a network are fed with."""
    probe = Watched()
    with probing(probe):
        network(images, training=True)
    return probe.activations
