"""Tests of `maenas_tf.tasks.autoencoder`."""

from __future__ import annotations

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from tests.tasks import examples
from tests.tasks.examples import make_batch


def make_task(name="autoencoder", **settings):
    return examples.make_task(name, **settings)


@pytest.mark.parametrize("loss", ["mse", "l1", "huber"])
@pytest.mark.parametrize("target", ["pixels", "normalized_patches"])
def test_it_is_masked_autoencoding_with_ratio_0(loss, target):
    settings = {"reconstruction_loss": loss, "target": target, "patch_size": 4}
    task = make_task(**settings)
    masked = make_task("mae", mask_ratio=0.0, **settings)
    batch, other = make_batch(task), make_batch(masked)
    np.testing.assert_array_equal(batch["input"], batch["target"])
    np.testing.assert_array_equal(batch["input"], other["input"])
    outputs = np.random.default_rng(1).normal(size=(3, 8, 8, 3))
    outputs = 2.0 * outputs.astype(np.float32)
    np.testing.assert_array_equal(
        task.losses(batch, outputs), masked.losses(other, outputs)
    )
    for found, expected in zip(
        task.preview(batch, outputs),
        masked.preview(other, outputs),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


def test_it_needs_no_mask():
    # Neither the default ratio nor a patch that does not fit matters.
    make_task(patch_size=5)
    with pytest.raises(ConfigError, match="--patch_size=5"):
        make_task(patch_size=5, target="normalized_patches")


def test_it_does_not_predict_noise():
    with pytest.raises(ConfigError, match="autoencoder.*--target=noise.*pix"):
        make_task(target="noise")
