"""Tests of `maenas_tf.tasks.jigsaw`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.skeletons import head_of
from maenas_tf.spaces import SPACES
from maenas_tf.tasks.jigsaw import ORDERS
from tests.tasks import examples
from tests.tasks.examples import make_batch

SPACE = "nasbench201"


def make_task(size=32, **settings):
    return examples.make_task("jigsaw", size, **settings)


@pytest.mark.parametrize(
    ("size", "tile"), [(22, 8), (32, 12), (48, 16), (64, 24), (224, 84)]
)
def test_tiles_are_at_most_three_quarters_of_a_quarter(size, tile):
    task = make_task(size)
    assert task.input_size == tile
    assert make_batch(task, 1, size)["input"].shape == (1, 4, tile, tile, 3)


@pytest.mark.parametrize(
    ("settings", "size", "least"),
    [
        ({}, 16, 22),
        ({}, 21, 22),
        ({"space": "darts", "stem": "imagenet"}, 160, 172),
    ],
)
def test_a_small_image_is_an_error_that_says_how_large(settings, size, least):
    with pytest.raises(ConfigError, match=f"={size} is.*at least {least}"):
        make_task(size, **settings)
    make_task(least, **settings)


def test_all_orders_of_four_tiles_occur_once():
    assert len(set(ORDERS)) == 24
    assert all(sorted(order) == [0, 1, 2, 3] for order in ORDERS)


def test_a_tile_comes_from_its_quarter_in_the_order_of_the_answer():
    # Each quarter has a gradient of its own kind; the tile's normalisation
    # leaves the kind.
    ramp = np.arange(32.0).reshape(-1, 1, 1)
    image = np.zeros((32, 32, 3), np.float32)
    quarters = [ramp, -ramp, ramp**2, -(ramp**2)]
    for number, kind in enumerate(quarters):
        y, x = 16 * (number // 2), 16 * (number % 2)
        image[y : y + 16, x : x + 16] = kind[:16]
    kinds = [
        (np.sign(k[1] - k[0]).item(), bool((k[2] - 2 * k[1] + k[0]).item()))
        for k in quarters
    ]
    task = make_task()
    seen = set()
    for number in range(60):
        mapped = task.map({"image": image}, tf.constant([number, 3]))
        tiles = mapped["input"].numpy()
        column = tiles[:, :, 0, 0]
        assert np.ptp(tiles, axis=2).max() < 1e-5
        found = [
            (np.sign(c[1] - c[0]), bool(abs(c[2] - 2 * c[1] + c[0]) > 1e-3))
            for c in column
        ]
        order = int(mapped["target"])
        seen.add(order)
        assert found == [kinds[place] for place in ORDERS[order]]
    assert len(seen) > 15


def test_tiles_lie_anywhere_in_their_quarter():
    # The brightest pixel of a quarter's corner is in some tiles only.
    task = make_task()
    image = np.zeros((32, 32, 3), np.float32)
    image[0, 0] = image[31, 31] = 1.0
    counts = []
    for number in range(200):
        mapped = task.map({"image": image}, tf.constant([number, 3]))
        counts.append((np.ptp(mapped["input"], axis=(1, 2, 3)) > 0).sum())
    # Each corner is met with the chance (1/5)^2.
    assert 0.02 < np.mean(counts) / 2 < 0.08


def test_each_tile_is_normalised_by_its_own_statistics():
    tiles = make_batch(make_task(), size=32)["input"].numpy()
    np.testing.assert_allclose(tiles.mean((2, 3)), 0.0, atol=1e-5)
    np.testing.assert_allclose(tiles.std((2, 3)), 1.0, atol=1e-3)


def test_the_head_sees_all_tiles_of_an_image_in_their_order():
    task = make_task()
    batch = make_batch(task, size=32)
    folded = task.build_input()(batch)
    assert folded.shape == (12, 12, 12, 3)
    head = task.build_head(head_of(SPACES.get("darts")))
    head.build([(None, 12, 12, 3)])
    logits = head([folded + 0.1])
    pooled = batch["input"].numpy().mean((2, 3)).reshape(3, 12) + 0.1
    kernel, bias = (v.numpy() for v in head.weights)
    assert kernel.shape == (12, 24)
    np.testing.assert_allclose(logits, pooled @ kernel + bias, atol=1e-5)


def test_the_loss_is_one_cross_entropy_an_image():
    task = make_task()
    batch = make_batch(task, size=32)
    assert batch["target"].shape == (3,)
    losses = task.losses(batch, tf.zeros([3, 24]))
    np.testing.assert_allclose(losses, np.log(24), rtol=1e-6)
