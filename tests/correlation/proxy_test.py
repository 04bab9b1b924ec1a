"""Tests of `maenas_tf.correlation.proxy`."""

from __future__ import annotations

import gc
import math

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.correlation.proxy import Objective
from maenas_tf.data.pipeline import split_halves
from maenas_tf.spaces import SPACES
from tests.searching.small import flat, make_images, values

SPACE = SPACES.get("nasbench201")
CELLS = [SPACE.random_genotype(np.random.default_rng(s)) for s in (0, 1)]


def objective(task="mae", images=16, **settings):
    settings = {
        "init_channels": 2,
        "patch_size": 4,
        "decoder": "linear",
        "batch_size": 4,
        "held_out_images": 8,
        "at_steps": "3,5",
        **settings,
    }
    config = CorrelateConfig(task=task, **settings)
    return Objective(config, task, make_images(images, num_classes=2))


def gradient(made, trainer, batch):
    """Returns the mean loss and its gradient, by a tape, in one row."""
    variables = trainer.trainable_variables
    with tf.GradientTape() as tape:
        outputs = trainer(batch, training=True)
        loss = tf.reduce_mean(made.task.losses(batch, outputs))
    zero = tf.UnconnectedGradients.ZERO
    found = tape.gradient(
        loss, [v.value for v in variables], unconnected_gradients=zero
    )
    return loss, flat(found)


def test_steps_are_those_of_clipped_sgd_with_momentum_and_decay():
    made = objective(
        clip_norm=0.01, weight_decay=0.5, weight_learning_rate=0.25
    )
    trainer = made._build(CELLS[0])
    velocity = 0.0
    for batch in made._epoch(0).take(2):
        before = flat(values(trainer.trainable_variables))
        loss, slope = gradient(made, trainer, batch["weights"])
        norm = np.linalg.norm(slope)
        assert norm > 0.02
        slope = 0.01 / norm * slope + 0.5 * before
        velocity = 0.9 * velocity - 0.25 * slope
        metrics = trainer.train_step(batch)
        np.testing.assert_allclose(metrics["weight_loss"], loss, rtol=1e-6)
        found = flat(values(trainer.trainable_variables))
        np.testing.assert_allclose(found, before + velocity, atol=1e-6)


def test_no_architecture_leaves_its_graph_behind():
    made = objective(at_steps="1")

    def num_graphs():
        kept = (type(each).__name__ for each in gc.get_objects())
        return sum(name == "FuncGraph" for name in kept)

    made.train(CELLS[0])
    before = num_graphs()
    made.train(CELLS[1])
    assert num_graphs() == before


def test_losses_depend_on_nothing_that_was_trained_or_read_before():
    # 2 steps an epoch, so that training goes through several.
    made, counts = objective(), []
    first = made.train(CELLS[0], counts.append)
    second = made.train(CELLS[1])
    assert list(first) == [3, 5]
    assert sum(counts) == 5
    assert first[5] != first[3]
    assert first != second
    assert made.train(CELLS[0]) == first
    assert objective(at_steps="5").train(CELLS[1]) == {5: second[5]}


def test_halves_are_the_search_s_and_what_is_held_out_stays_the_same():
    made = objective(images=24, held_out_images=8)
    assert made.num_held_out == 8
    weights, alphas = (
        made.images.images[half].astype(np.float32) / 255
        for half in split_halves(24, 0)
    )
    held_out = [list(made._held_out.as_numpy_iterator()) for _ in range(2)]
    assert len(held_out[0]) == 2
    tf.nest.map_structure(np.testing.assert_array_equal, *held_out)
    targets = np.concatenate([b["alphas"]["target"] for b in held_out[0]])
    pixels = targets * made.images.std + made.images.mean
    distances = np.abs(pixels[:, np.newaxis] - alphas).max((2, 3, 4))
    assert distances.min(1).max() < 1e-5
    distances = np.abs(pixels[:, np.newaxis] - weights).max((2, 3, 4))
    assert distances.min() > 0.1
    masks = [batch["alphas"]["mask"] for batch in held_out[0]]
    assert len(np.unique(np.concatenate(masks), axis=0)) > 1


def test_a_label_free_objective_holds_no_label_beside_one_that_does():
    assert "label" not in objective()._held_out.element_spec["alphas"]
    supervised = objective("supervised")
    assert "label" in supervised._held_out.element_spec["alphas"]


def test_training_that_diverges_gives_nan_from_there_on():
    made, counts = objective(weight_learning_rate=1e30, clip_norm=0.0), []
    losses = made.train(CELLS[0], counts.append)
    assert all(math.isnan(loss) for loss in losses.values())
    assert sum(counts) == 5  # the progress bar arrives


def test_more_held_out_images_than_the_half_has_are_refused():
    with pytest.raises(ConfigError, match="--held_out_images=12"):
        objective(held_out_images=12)
