"""Oracles of the chain skeletons, macro and mobilenet."""

from __future__ import annotations

import math

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.models.complexity import count_macs, count_parameters
from maenas_tf.models.network import Network
from maenas_tf.models.supernet import build_supernet
from maenas_tf.skeletons import NetworkSize, make_plan, network_cost
from maenas_tf.spaces import MOBILENET, PUBLISHED, Genotype

LARGE = NetworkSize(32, 1, 224, 1000, "imagenet")

# Of the benchmark's file: key, parameters, and flops, which are the
# multiply-accumulates of convolutions and of the dense layer.
MACRO = [
    ("00000000", 387_882, 7_713_280),
    ("11111111", 1_588_874, 53_246_464),
    ("22222222", 2_932_586, 105_660_928),
    ("02012100", 890_666, 47_327_744),
    ("22212220", 1_985_514, 85_164_544),
]


@pytest.mark.parametrize(("key", "parameters", "flops"), MACRO)
def test_macro_networks_cost_what_the_benchmark_says(key, parameters, flops):
    cost = network_cost(Genotype.from_string(key), NetworkSize(32, 1))
    assert (cost.parameters, cost.macs) == (parameters, flops)


@pytest.mark.parametrize("key", ["00000000", "02012100"])
def test_the_layers_of_macro_networks_are_those_of_the_plan(key):
    network = Network(key, 10, init_channels=8, image_size=16)
    cost = network_cost(network.genotype, NetworkSize(8, 1, 16, 10))
    assert count_parameters(network) == cost.parameters
    assert count_macs(network, (16, 16, 3)) == cost.macs


def test_the_published_mobile_network_has_its_published_size():
    cost = network_cost(PUBLISHED["PROXYLESS_MOBILE"], LARGE)
    assert (cost.parameters, cost.macs) == (4_080_512, 320_427_584)


def test_the_layers_of_a_mobile_network_are_those_of_the_plan():
    genotype = PUBLISHED["PROXYLESS_MOBILE"]
    network = Network(genotype, 10, 8, image_size=64, stem="imagenet")
    cost = network_cost(genotype, NetworkSize(8, 1, 64, 10, "imagenet"))
    assert count_parameters(network) == cost.parameters
    assert count_macs(network, (64, 64, 3)) == cost.macs


def test_the_smallest_choice_everywhere_has_the_reference_parameters():
    genotype = MOBILENET.of(["mb3_k3"] * 21)
    assert network_cost(genotype, LARGE).parameters == 3_191_928


def test_the_mobile_supernet_has_the_reference_parameters():
    net = build_supernet(
        "mobilenet", 32, num_classes=1000, image_size=64, stem="imagenet"
    )
    alphas = {id(v) for v in net.architecture.variables}
    weights = [v for v in net.trainable_variables if id(v) not in alphas]
    assert sum(math.prod(v.shape) for v in weights) == 16_034_168
    assert net.plan.levels == (2, 3, 4, 5)


@pytest.mark.parametrize(
    ("space", "stem", "num_cells", "message"),
    [
        ("macro", "cifar", 3, "--num_cells=3.*8 layers"),
        ("macro", "imagenet", 1, "--stem=imagenet.*--stem=cifar"),
        ("mobilenet", "cifar", 1, "--stem=cifar.*--stem=imagenet"),
    ],
)
def test_a_size_that_is_not_defined_is_refused(space, stem, num_cells, message):
    size = NetworkSize(32, num_cells, 64, stem=stem)
    with pytest.raises(ConfigError, match=message):
        make_plan(space, size)
