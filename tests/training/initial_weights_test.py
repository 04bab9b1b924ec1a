"""Tests of `maenas_tf.training.initial_weights`, and of trainings with it."""

from __future__ import annotations

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.engine.optimization import SGD
from maenas_tf.engine.signals import Interrupted
from maenas_tf.models.network import Network
from maenas_tf.training.initial_weights import layer_factors
from maenas_tf.training.retrainer import Retrainer
from tests.training import experiment_test as trainings
from tests.training import pretrain_experiment_test as pretrainings
from tests.training.stopping import AfterSteps

CELL = pretrainings.CELL


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """Directory and result of a pretraining."""
    run_dir = tmp_path_factory.mktemp("pretrained") / "run"
    _, result = pretrainings.pretrain(run_dir, epochs=1)
    return run_dir, result


def trunk_values(network):
    return [v.numpy() for v in network.trunk.variables]


def head_values(network):
    return [v.numpy() for v in network.head.variables]


def are_equal(some, others):
    return [
        np.array_equal(one, other)
        for one, other in zip(some, others, strict=True)
    ]


def test_a_training_begins_with_every_weight_but_the_heads(
    pretrained, tmp_path
):
    run_dir, result = pretrained
    began = trainings.begin(tmp_path / "run", init_from=str(run_dir))
    network = began.retrainer.network
    given = [v.numpy() for v in result.backbone.trunk.trunk.variables]
    assert len(given) > 20
    assert all(are_equal(trunk_values(network), given))
    random = trainings.begin(tmp_path / "random").retrainer.network
    assert all(are_equal(head_values(network), head_values(random)))
    assert not all(are_equal(trunk_values(random), given))


def test_images_look_as_they_did_to_the_pretraining(pretrained, tmp_path):
    run_dir, _ = pretrained
    began = trainings.begin(tmp_path, init_from=str(run_dir))
    expected = pretrainings.make_images()
    assert began.images.mean == pytest.approx(expected.mean)
    assert began.images.std == pytest.approx(expected.std)
    assert began.images.mean != pytest.approx(trainings.make_images().mean)


def test_a_frozen_trunk_does_not_move_and_a_resumed_run_needs_no_source(
    pretrained, tmp_path
):
    source = tmp_path / "source"
    shutil.copytree(pretrained[0], source)
    settings = {
        "init_from": str(source),
        "epochs": 2,
        "freeze_epochs": 1,
        "layer_decay": 0.5,
    }
    # Six steps of an epoch, the last of the first one among them.
    with pytest.raises(Interrupted, match="epoch 2 after step"):
        trainings.train(
            tmp_path / "run", signals=AfterEpoch(tmp_path / "run"), **settings
        )
    frozen = keras.models.load_model(tmp_path / "first.keras")
    begun = pretrained[1].backbone.trunk.trunk
    given = [v.numpy() for v in begun.variables]
    assert all(are_equal(trunk_values(frozen), given))
    shutil.rmtree(source)
    experiment, result = trainings.train(tmp_path / "run", **settings)
    network = experiment.retrainer.network
    moved = are_equal(trunk_values(network), given)
    assert sum(moved) < len(moved) / 2
    head = are_equal(head_values(frozen), head_values(network))
    assert not all(head)
    # Nothing hangs on where it stopped.
    shutil.copytree(pretrained[0], source)
    undisturbed, _ = trainings.train(tmp_path / "other", **settings)
    expected = trainings.variables_of(undisturbed)
    assert trainings.variables_of(experiment) == expected


class AfterEpoch(AfterSteps):
    """Asks to stop in the second epoch; keeps the first one's network."""

    def __init__(self, run_dir):
        super().__init__(10**9)
        self.run_dir = run_dir

    @property
    def received(self):
        last = self.run_dir / "last.keras"
        if not last.exists():
            return None
        shutil.copy(last, self.run_dir.parent / "first.keras")
        return "SIGTERM"


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"init_channels": 4}, "init_channels=2, .*; give --init_channels=2"),
        ({"num_cells": 2}, "num_cells=1, and .* has num_cells=2"),
        (
            {"genotype": CELL.replace("1x1", "3x3")},
            "of genotype=.*; give --genotype=",
        ),
        ({"genotype": "DARTS_V2", "num_cells": 3}, "of genotype="),
    ],
)
def test_weights_of_another_network_are_refused(
    pretrained, tmp_path, changes, part
):
    with pytest.raises(ConfigError, match=part):
        trainings.begin(
            tmp_path / "run", init_from=str(pretrained[0]), **changes
        )
    assert not (tmp_path / "run" / "config.json").exists()


def test_what_is_no_finished_pretraining_is_refused(pretrained, tmp_path):
    def refused(path, part):
        with pytest.raises(ConfigError, match=part):
            trainings.begin(tmp_path / "new", init_from=str(path))

    refused(tmp_path / "none", "--init_from=.*none does not exist")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "is no run directory")
    search = tmp_path / "search"
    search.mkdir()
    (search / "config.json").write_text('{"task": "mae"}')
    refused(search, "holds a search, whose weights no network")
    unfinished = tmp_path / "unfinished"
    shutil.copytree(pretrained[0], unfinished)
    (unfinished / "backbone.keras").unlink()
    refused(unfinished, "not finished")
    (unfinished / "backbone.keras").write_bytes(b"broken")
    refused(unfinished, "holds a backbone.keras that cannot be read")


def test_a_training_may_begin_with_anothers_weights(tmp_path):
    _, first = trainings.train(tmp_path / "first", epochs=1)
    # Other classes: the head cannot be taken, and is not.
    began = trainings.begin(
        tmp_path / "second",
        trainings.make_images(num_classes=3),
        init_from=str(tmp_path / "first"),
    )
    network = began.retrainer.network
    given = trunk_values(first.network)
    assert all(are_equal(trunk_values(network), given))
    assert network.num_classes == 3


@pytest.mark.parametrize("name", ["freeze_epochs", "layer_decay"])
def test_settings_of_initial_weights_need_some(name):
    with pytest.raises(ConfigError, match=f"--{name}=.* without --init_from"):
        trainings.make_config(**{name: 0.5 if name == "layer_decay" else 1})


def test_rates_decay_from_the_head_to_the_stem():
    network = Network(CELL, 3, 2, 1, 8)
    factors = dict(
        zip(
            (id(v) for v in network.trainable_variables),
            layer_factors(network, 0.5),
            strict=True,
        )
    )
    assert {factors[id(v)] for v in network.head.trainable_variables} == {1}
    placed = network.trunk.placed
    for distance, layer in enumerate(reversed(placed), 1):
        found = {factors[id(v)] for v in layer.trainable_variables}
        assert found == {0.5**distance}


def test_a_step_moves_each_layer_at_its_own_rate():
    def step(decay):
        keras.utils.set_random_seed(0)
        network = Network(CELL, 3, 2, 1, 8)
        retrainer = Retrainer(network, weight_decay=0.1, clip_norm=0.01)
        if decay < 1:
            retrainer.rate_factors = layer_factors(network, decay)
        retrainer.compile(SGD(0.5, 0.9))
        before = [v.numpy() for v in network.trainable_variables]
        rng = np.random.default_rng(0)
        batch = {
            "image": tf.constant(rng.normal(size=(6, 8, 8, 3)), tf.float32),
            "label": tf.constant([0, 1, 2, 0, 1, 2]),
        }
        retrainer.train_step(batch)
        after = [v.numpy() for v in network.trainable_variables]
        moves = [new - old for old, new in zip(before, after, strict=True)]
        return moves, retrainer.rate_factors

    equal, nothing = step(1.0)
    assert nothing is None
    decayed, factors = step(0.5)
    assert set(factors) >= {1.0, 0.5}
    for whole, part, factor in zip(equal, decayed, factors, strict=True):
        np.testing.assert_allclose(part, factor * whole, rtol=1e-3, atol=1e-7)
