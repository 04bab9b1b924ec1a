"""How the first steps of a search go on images that are no photographs."""

from __future__ import annotations

import numpy as np
import pytest

from maenas_tf.data.arrays import from_arrays
from maenas_tf.searching.experiment import SearchExperiment
from tests.searching.small import make_config

SIZE = 32
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE] / SIZE


def thermal(rng):
    """Returns a warm scene without contrast, and one hot spot in it."""
    wave = np.sin(2 * np.pi * (COLUMNS * rng.uniform(0.3, 1) + rng.uniform()))
    row, column = rng.uniform(0.3, 0.7, 2)
    spot = np.exp(-((ROWS - row) ** 2 + (COLUMNS - column) ** 2) / 0.02)
    grey = 170 + 6 * wave + 20 * spot + rng.normal(0, 1.5, spot.shape)
    return np.stack([grey] * 3, axis=-1)


def microscope(rng):
    """Returns stained cells on a bright slide."""
    image = np.ones((SIZE, SIZE, 3)) * (228, 205, 222)
    for _ in range(rng.integers(3, 9)):
        row, column = rng.uniform(0, 1, 2)
        distance = np.hypot(ROWS - row, COLUMNS - column)
        stain = 0.6 * np.clip(1.5 - distance / 0.05, 0, 1)[..., np.newaxis]
        image = (1 - stain) * image + stain * (120, 70, 150)
    return image + rng.normal(0, 2, (SIZE, SIZE, 1))


def document(rng):
    """Returns lines of grey letters on white paper."""
    grey = np.full((SIZE, SIZE), 252.0)
    for row in range(4, SIZE - 4, 4):
        end = rng.integers(SIZE // 3, SIZE - 5)
        grey[row, 4:end] -= 120.0 * (rng.uniform(size=end - 4) < 0.5)
    return np.stack([grey] * 3, axis=-1)


@pytest.mark.parametrize("kind", [thermal, microscope, document])
def test_a_search_starts_with_a_loss_below_five(kind, tmp_path):
    rng = np.random.default_rng(0)
    images = np.stack([kind(rng) for _ in range(64)])
    images = np.clip(np.rint(images), 0, 255).astype(np.uint8)
    config = make_config(
        dataset="arrays", epochs=1, warmup_epochs=1, batch_size=8, patch_size=8
    )
    experiment = SearchExperiment(config, tmp_path, from_arrays(images))
    (row,) = experiment.run().history
    assert float(row["weight_loss"]) < 5.0
