"""A network without cells goes the whole way, by a plan alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.models.backbone import build_backbone
from maenas_tf.models.complexity import count_macs, count_parameters
from maenas_tf.models.network import Network
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.serving import export
from maenas_tf.skeletons import NetworkSize, make_plan, network_cost
from maenas_tf.spaces import Genotype
from maenas_tf.training.trained_run import load_trained
from tests.searching import small
from tests.skeletons import chain
from tests.training import trained


@pytest.fixture(autouse=True)
def space():
    with chain.registered() as made:
        yield made


def test_the_plan_is_a_chain_that_widens_and_halves():
    plan = make_plan("chain", NetworkSize(4, 1, 8))
    assert [p.inputs for p in plan.placements] == [
        ("images",),
        ("stem",),
        ("layer_0",),
        ("layer_1",),
    ]
    assert [(c.channels_out, c.size_out) for c in plan.cells] == [
        (4, 8),
        (8, 4),
        (8, 4),
    ]
    assert plan.features == ("layer_0", "layer_2")
    assert plan.levels == (0, 1)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_its_networks_cost_what_the_plan_says(space, seed):
    genotype = space.random_genotype(np.random.default_rng(seed))
    network = Network(genotype, 3, init_channels=4, num_cells=1, image_size=8)
    cost = network_cost(genotype, NetworkSize(4, 1, 8, 3))
    assert cost.parameters == count_parameters(network)
    assert cost.macs == count_macs(network, (8, 8, 3))
    assert network(tf.zeros([2, 8, 8, 3])).shape == (2, 3)


def test_its_backbone_has_a_level_for_each_resolution(space):
    genotype = space.random_genotype(np.random.default_rng(0))
    backbone = build_backbone(genotype, 4, 1, (8, 12, 3), "cifar")
    shapes = {k: tuple(x.shape[1:]) for k, x in backbone.output.items()}
    assert shapes == {"P0": (8, 12, 4), "P1": (4, 6, 8)}


def test_it_is_searched_and_derived(tmp_path):
    config = small.make_config(
        space="chain",
        num_cells=1,
        epochs=2,
        warmup_epochs=0,
        max_parameters=2_000,
    )
    images = small.make_images(8)
    experiment = SearchExperiment(config, tmp_path / "run", images)
    before = experiment.searcher.supernet.architecture.numpy()["chain"]
    result = experiment.run()
    (alphas,) = result.alphas.values()
    assert alphas.shape == (2, 3, 3)
    after = experiment.searcher.supernet.architecture.numpy()["chain"]
    # The second and the third layer have two candidates.
    assert (after[:, :2] != before[:, :2]).all()
    assert (after[1:, 2] == 0).all()
    stored = (tmp_path / "run" / "genotype.json").read_text()
    assert Genotype.from_json(stored) == result.genotype
    assert len(json.loads(stored)["layers"]) == 3
    network = result.summary["evaluation_network"]
    assert network["parameters"] <= 2_000
    size = NetworkSize(4, 1, small.IMAGE_SIZE)
    cost = network_cost(result.genotype, size)
    assert network["parameters"] == cost.parameters


def test_it_is_exported_and_answers_alike(tmp_path):
    run = load_trained(trained.make_run(tmp_path / "run", "chain"))
    export.export(run, tmp_path / "out", ["saved_model", "keras"], version=1)
    served = tf.saved_model.load(str(tmp_path / "out/saved_model/1"))
    images = trained.make_images(2)
    expected = trained.expected_probabilities(run.network, images)
    answer = served.signatures["serving_uint8"](tf.constant(images))
    (found,) = (v for v in answer.values() if v.shape[-1] == 3)
    np.testing.assert_allclose(found, expected, atol=1e-5)
