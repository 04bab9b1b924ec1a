"""Tests of `maenas_tf.tasks.colorization`."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from maenas_tf.data import color
from maenas_tf.skeletons import head_of
from maenas_tf.spaces import SPACES
from tests.tasks import examples
from tests.tasks.examples import make_batch


def make_task():
    return examples.make_task("colorization")


def test_the_input_is_the_lightness_alone():
    batch = make_batch(make_task())
    shown = batch["input"].numpy()
    np.testing.assert_array_equal(shown[..., :1], shown[..., 1:2])
    np.testing.assert_array_equal(shown[..., :1], shown[..., 2:])
    assert -2.0 <= shown.min() < shown.max() <= 2.0


def test_red_green_and_grey_of_one_lightness_differ_in_the_answer_alone():
    # Lab (50, 60, 50), (50, -50, 50) and (50, 0, 0), about.
    pixels = np.array([[[206, 53, 33], [40, 136, 0], [119, 119, 119]]])
    example = {"pixels": tf.constant(pixels, tf.uint8)}
    mapped = make_task().map(example, tf.constant([0, 0]))
    np.testing.assert_allclose(mapped["input"], 0.0, atol=0.2)
    found = color.bin_centers()[mapped["target"].numpy()[0]]
    assert len(np.unique(found, axis=0)) == 3
    np.testing.assert_array_equal(found[2], 0.0)
    assert (np.sign(found[:2, 0]) == [1, -1]).all()


def test_answers_are_bins_of_pixels():
    batch = make_batch(make_task())
    assert batch["target"].shape == (3, 8, 8)
    assert batch["target"].dtype == tf.int32
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 8, 8, 3), np.uint8)
    lab = color.srgb_to_lab(tf.constant(pixels))
    distance = lab.numpy()[..., 1:] - color.bin_centers()[batch["target"]]
    assert np.abs(distance).max() <= color.STEP


def test_the_loss_is_the_mean_cross_entropy_of_the_pixels():
    task = make_task()
    batch = make_batch(task)
    size = len(color.bin_centers())
    losses = task.losses(batch, tf.zeros([3, 8, 8, size]))
    np.testing.assert_allclose(losses, np.log(size), rtol=1e-6)
    perfect = 50.0 * tf.one_hot(batch["target"], size)
    np.testing.assert_allclose(task.losses(batch, perfect), 0.0, atol=1e-6)
    accuracy = task.metrics(batch, perfect)["accuracy"]
    np.testing.assert_array_equal(accuracy, 1.0)


def test_the_head_predicts_each_pixel():
    head = make_task().build_head(head_of(SPACES.get("nasbench201")))
    head.build([(None, 8, 8, 2), (None, 2, 2, 5)])
    logits = head([tf.zeros([3, 8, 8, 2]), tf.ones([3, 2, 2, 5])])
    assert logits.shape == (3, 8, 8, len(color.bin_centers()))
