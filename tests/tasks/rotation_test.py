"""Tests of `maenas_tf.tasks.rotation`."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from maenas_tf.skeletons import head_of
from maenas_tf.spaces import SPACES
from tests.tasks import examples
from tests.tasks.examples import make_batch


def make_task():
    return examples.make_task("rotation")


def test_every_image_is_seen_in_all_four_rotations():
    batch = make_batch(make_task())
    assert batch["input"].shape == (3, 4, 8, 8, 3)
    np.testing.assert_array_equal(batch["target"], [[0, 1, 2, 3]] * 3)
    upright = batch["input"].numpy()[:, 0]
    for turns in range(4):
        np.testing.assert_array_equal(
            batch["input"][:, turns], np.rot90(upright, turns, axes=(1, 2))
        )


def test_the_input_layer_and_the_head_keep_views_of_an_image_together():
    task = make_task()
    batch = make_batch(task)
    folded = task.build_input()(batch)
    assert folded.shape == (12, 8, 8, 3)
    np.testing.assert_array_equal(folded[5], batch["input"][1, 1])
    head = task.build_head(head_of(SPACES.get("darts")))
    head.build([(None, 8, 8, 3)])
    logits = head([folded])
    assert logits.shape == (3, 4, 4)
    np.testing.assert_allclose(
        logits[1, 1], head([folded[5:9]])[0, 0], rtol=1e-5
    )


def test_the_loss_is_the_mean_cross_entropy_of_the_four():
    task = make_task()
    batch = make_batch(task)
    logits = np.random.default_rng(1).normal(size=(3, 4, 4))
    chances = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = -np.log(np.diagonal(chances, axis1=1, axis2=2)).mean(-1)
    found = task.losses(batch, tf.constant(logits, tf.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_accuracy_is_the_part_of_the_four_that_is_right():
    task = make_task()
    logits = np.tile(np.eye(4), (3, 1, 1))
    logits[1, 2] = [9, 0, 0, 0]
    found = task.metrics(make_batch(task), tf.constant(logits))
    np.testing.assert_allclose(found["accuracy"], [1.0, 0.75, 1.0])
