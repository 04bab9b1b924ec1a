"""Tests of `maenas_tf.tasks.denoising`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.tasks import examples
from tests.tasks.examples import make_batch


def make_task(**settings):
    return examples.make_task("denoising", **settings)


def test_the_input_is_the_image_and_sigma_times_standard_noise():
    batch = make_batch(make_task(target="noise"), count=200)
    sigma = batch["sigma"].numpy().reshape(-1, 1, 1, 1)
    noise = batch["noise"].numpy()
    np.testing.assert_allclose(
        batch["input"], batch["target"] + sigma * noise, atol=1e-6
    )
    # Five standard deviations of mean and standard deviation.
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
    assert abs(noise.std() - 1.0) < 5 / np.sqrt(2 * noise.size)
    assert abs(np.corrcoef(sigma.ravel(), noise.std((1, 2, 3)))[0, 1]) < 0.3


@pytest.mark.parametrize("level", [0.3, 1.5])
def test_sigma_is_uniform_from_0_to_the_level(level):
    batch = make_batch(make_task(noise_level=level), count=400)
    sigma = np.sort(batch["sigma"]) / level
    assert sigma.min() >= 0.0
    assert sigma.max() < 1.0
    # Kolmogorov and Smirnov's distance; above 1.95 / sqrt(n) once in 1,000.
    distance = np.abs(sigma - (np.arange(400) + 0.5) / 400).max()
    assert distance < 1.95 / np.sqrt(400)


@pytest.mark.parametrize(
    ("target", "key"), [("pixels", "target"), ("noise", "noise")]
)
def test_the_loss_is_the_distance_from_what_is_asked_for(target, key):
    task = make_task(target=target)
    batch = make_batch(task)
    outputs = np.random.default_rng(1).normal(size=(3, 8, 8, 3))
    expected = np.square(outputs - batch[key].numpy()).mean((1, 2, 3))
    found = task.losses(batch, tf.constant(outputs, tf.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("target", "key"), [("pixels", "target"), ("noise", "noise")]
)
def test_a_perfect_prediction_has_no_loss_and_shows_the_image(target, key):
    task = make_task(target=target)
    batch = make_batch(task)
    np.testing.assert_array_equal(task.losses(batch, batch[key]), 0.0)
    noisy, restored, original = task.preview(batch, batch[key])
    np.testing.assert_array_equal(noisy, batch["input"])
    np.testing.assert_array_equal(original, batch["target"])
    np.testing.assert_allclose(restored, original, atol=1e-5)


def test_noise_is_another_for_another_seed():
    task = make_task()
    first, again, other = (make_batch(task, seed=s) for s in (7, 7, 8))
    np.testing.assert_array_equal(first["input"], again["input"])
    assert not np.array_equal(first["input"], other["input"])
    assert not np.array_equal(first["sigma"], other["sigma"])
