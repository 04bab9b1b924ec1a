"""Tests of `maenas_tf.models.task_network`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.models.alphas import ArchitectureParameters
from maenas_tf.models.decoder import DECODERS
from maenas_tf.models.supernet import Supernet
from maenas_tf.models.task_network import TaskNetwork
from maenas_tf.spaces import SPACES
from tests.ops.layers import singly

SPACE = SPACES.get("nasbench201")


def head():
    return DECODERS.get("linear")(8, 2, name="decoder")


@pytest.mark.parametrize("seed", [0, 2])
def test_it_is_a_supernet_whose_edges_have_all_decided(seed):
    genotype = SPACE.random_genotype(np.random.default_rng(seed))
    network = TaskNetwork(genotype, 2, 1, head(), 8)
    architecture = ArchitectureParameters(SPACE)
    supernet = Supernet(SPACE, 2, 1, head(), architecture, image_size=8)
    (cell_type,) = SPACE.cell_types
    alphas = np.full((cell_type.num_edges, cell_type.max_primitives), -1e4)
    for edge, chosen in zip(
        cell_type.edges, genotype.cells[cell_type.name], strict=True
    ):
        alphas[edge.index, edge.primitives.index(chosen.primitive)] = 0.0
    architecture.arrays[f"alphas_{cell_type.name}"].assign(alphas)
    weights = {weight.path: weight for weight in singly(supernet)}
    for variable in network.trainable_variables:
        variable.assign(weights[variable.path].numpy())
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=(4, 8, 8, 3)), tf.float32)
    expected = supernet(images)
    assert np.std(expected) > 0.01
    for training in (False, True):  # the batch's statistics serve in both
        found = network(images, training=training)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_size_that_the_skeleton_cannot_halve_is_refused():
    genotype = SPACE.random_genotype(np.random.default_rng(0))
    with pytest.raises(ConfigError, match="--image_size=10"):
        TaskNetwork(genotype, 2, 1, head(), 10)
