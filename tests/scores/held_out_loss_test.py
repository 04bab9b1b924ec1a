"""Tests of `maenas_tf.scores.held_out_loss`."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.data.augment import Augmentation
from maenas_tf.data.epoch_table import example_table
from maenas_tf.data.held_out import part_dataset
from maenas_tf.data.pipeline import batched, example_maker
from maenas_tf.models.supernet import Supernet
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.single_path import SinglePathOp
from maenas_tf.scores.held_out_loss import HeldOutLoss
from maenas_tf.searching.searcher import Searcher
from maenas_tf.spaces import SPACES
from maenas_tf.spaces.architectures import Architectures
from maenas_tf.tasks.objective import build_task
from tests.searching import small

INDICES = np.array([5, 3, 8, 1, 0, 9, 2, 7, 11])
NUM_USED = 8


def make_searcher(space_name, make_edge=SinglePathOp):
    config = small.make_config(space=space_name)
    keras.utils.set_random_seed(0)
    space = SPACES.get(space_name)
    task = build_task(config, space, small.IMAGE_SIZE, 0)
    supernet = Supernet(
        space,
        config.init_channels,
        config.num_cells,
        task.build_head(space),
        None,
        make_edge,
        task.input_size,
    )
    return Searcher(supernet, task)


@functools.cache
def made(space_name):
    searcher = make_searcher(space_name)
    return searcher, scorer_of(searcher)


def scorer_of(searcher):
    batches = part_dataset(
        small.make_images(12),
        INDICES,
        example_map=searcher.task.map,
        batch_size=4,
        seed=0,
        epoch=0,
        augmentation=Augmentation(),
        with_labels=False,
        shuffle=False,
    )
    stacked = tf.nest.map_structure(lambda *x: tf.stack(x), *batches)
    return HeldOutLoss(searcher, stacked)


def candidates(space_name, count):
    architectures = Architectures(SPACES.get(space_name))
    rng = np.random.default_rng(0)
    return [architectures.random(rng) for _ in range(count)]


def weights(space_name, choices):
    return Architectures(SPACES.get(space_name)).edge_weights(choices)


def plain_loss(searcher, images, choice_weights):
    """Returns the mean loss of the first images, by other code."""
    task = searcher.task
    dataset = batched(
        example_table(images, INDICES[:NUM_USED], 0, 0, False),
        example_maker(images, Augmentation(), task.map),
        4,
    )
    losses = []
    for batch in dataset:
        outputs = searcher.supernet(batch["input"], edge_weights=choice_weights)
        losses.append(task.losses(batch, outputs))
    return np.mean(np.concatenate(losses))


def test_a_loss_is_that_of_the_architecture_alone_on_the_fixed_images():
    searcher, scorer = made("nasbench201")
    assert scorer.num_images == NUM_USED
    all_weights = weights("nasbench201", candidates("nasbench201", 3))
    found = scorer(all_weights)
    # The same weights in a supernet that computes all candidates.
    mixed = make_searcher("nasbench201", MixedOp)
    for variable, other in zip(
        mixed.weight_variables, searcher.weight_variables, strict=True
    ):
        variable.assign(other)
    for number, loss in enumerate(found):
        one = {kind: tf.constant(w[number]) for kind, w in all_weights.items()}
        expected = plain_loss(mixed, small.make_images(12), one)
        assert loss == pytest.approx(expected, rel=1e-4)
    assert len(set(found)) == 3


def test_a_cell_without_any_operation_has_a_loss():
    architectures = Architectures(SPACES.get("nasbench201"))
    genotype = SPACES.get("nasbench201").derive({"cell": np.eye(5)[[0] * 6]})
    _, scorer = made("nasbench201")
    (loss,) = scorer(
        architectures.edge_weights([architectures.choice(genotype)])
    )
    assert np.isfinite(loss)


@pytest.mark.parametrize("space", ["nasbench201", "s4"])
def test_scores_depend_on_the_candidate_alone_and_leave_no_trace(space):
    # s4 has noise among its candidates, which counts its calls.
    searcher, scorer = made(space)
    before = small.values(searcher.variables)
    choices = candidates(space, 4)
    together = scorer(weights(space, choices))
    backwards = scorer(weights(space, choices[::-1]))[::-1]
    (alone,) = scorer(weights(space, choices[2:3]))
    np.testing.assert_array_equal(together, backwards)
    assert alone == together[2]
    for old, new in zip(before, small.values(searcher.variables), strict=True):
        np.testing.assert_array_equal(old, new)


def test_no_candidate_is_traced_again():
    _, scorer = made("nasbench201")
    for count in (1, 2, 5):
        scorer(weights("nasbench201", candidates("nasbench201", count)))
    assert scorer._losses.experimental_get_tracing_count() == 1


def test_scores_follow_the_weights_of_the_supernet():
    searcher = make_searcher("nasbench201")
    scorer = scorer_of(searcher)
    one = weights("nasbench201", candidates("nasbench201", 1))
    before = scorer(one)
    for variable in searcher.weight_variables:
        variable.assign(variable * 0.5)
    assert scorer(one) != before
