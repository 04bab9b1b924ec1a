"""Tests of `maenas_tf.tasks.mae`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.skeletons import head_of
from maenas_tf.spaces import SPACES
from maenas_tf.tasks.mask_token import MaskToken
from tests.tasks import examples

SIZE, PATCH = 8, 4


def make_task(**settings):
    settings = {"patch_size": PATCH, "mask_ratio": 0.5, **settings}
    return examples.make_task("mae", SIZE, **settings)


def make_batch(task, count=3):
    """Returns a batch of random images, mapped by the task, and outputs."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(count, SIZE, SIZE, 3)).astype(np.float32)
    examples = [
        task.map({"image": tf.constant(image)}, tf.constant([number, 7]))
        for number, image in enumerate(images)
    ]
    batch = {k: tf.stack([e[k] for e in examples]) for k in examples[0]}
    outputs = 2.0 * rng.normal(size=images.shape).astype(np.float32)
    return batch, outputs


def pixel_mask(batch):
    """Returns the mask as booleans [B, H, W, 3], by NumPy."""
    mask = np.kron(batch["mask"], np.ones((1, PATCH, PATCH)))
    return np.repeat(mask[..., np.newaxis] > 0, 3, -1)


def numpy_patches(images):
    """Cuts [B, H, W, 3] into [B, patches, pixels], by NumPy."""
    grid = SIZE // PATCH
    images = np.reshape(images, (-1, grid, PATCH, grid, PATCH, 3))
    return images.transpose(0, 1, 3, 2, 4, 5).reshape(
        images.shape[0], grid * grid, -1
    )


@pytest.mark.parametrize("fill", ["zero", "token", "noise"])
@pytest.mark.parametrize(("ratio", "count"), [(0.25, 1), (0.5, 2), (0.75, 3)])
def test_the_exact_number_of_patches_is_masked(ratio, count, fill):
    task = make_task(mask_ratio=ratio, mask_fill=fill)
    batch, _ = make_batch(task, count=16)
    np.testing.assert_array_equal(np.sum(batch["mask"], (1, 2)), count)
    assert len(np.unique(batch["mask"], axis=0)) > 1
    hidden = pixel_mask(batch)
    changed = np.not_equal(batch["input"], batch["target"])
    np.testing.assert_array_equal(changed, hidden)


def test_noise_fills_masked_patches_with_fresh_normal_numbers():
    task = make_task(mask_fill="noise")
    batch, _ = make_batch(task, count=64)
    noise = batch["input"].numpy()[pixel_mask(batch)]
    assert noise.size == 64 * 2 * PATCH * PATCH * 3
    # Five standard deviations of mean and standard deviation.
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
    assert abs(noise.std() - 1.0) < 5 / np.sqrt(2 * noise.size)
    assert len(np.unique(noise)) > 0.99 * noise.size


def test_a_zero_fill_leaves_the_mean_of_the_data_set():
    batch, _ = make_batch(make_task())
    assert not batch["input"].numpy()[pixel_mask(batch)].any()


def test_the_token_stands_on_masked_pixels_only_and_learns():
    task = make_task(mask_fill="token")
    layer = task.build_input()
    assert isinstance(layer, MaskToken)
    assert [v.shape for v in layer.trainable_variables] == [(1, 1, 1, 3)]
    layer.token.assign(np.array([0.1, 0.2, 0.3]).reshape(1, 1, 1, 3))
    batch, _ = make_batch(task)
    with tf.GradientTape() as tape:
        filled = layer(batch)
        total = tf.reduce_sum(filled)
    hidden = pixel_mask(batch)
    expected = np.where(hidden, [0.1, 0.2, 0.3], batch["target"])
    np.testing.assert_allclose(filled, expected, rtol=1e-6)
    gradient = tape.gradient(total, layer.token)
    np.testing.assert_allclose(np.squeeze(gradient), hidden.sum() / 3)


@pytest.mark.parametrize(
    "settings", [{}, {"mask_fill": "noise"}, {"mask_ratio": 0.0}]
)
def test_only_the_token_needs_a_layer_at_the_input(settings):
    assert make_task(**settings).build_input() is None


def test_visible_predictions_do_not_change_the_loss():
    task = make_task()
    batch, outputs = make_batch(task)
    hidden = pixel_mask(batch)
    loss = task.losses(batch, tf.constant(outputs)).numpy()
    assert loss.shape == (3,)
    visible = np.where(hidden, outputs, outputs + 10.0)
    np.testing.assert_array_equal(task.losses(batch, visible), loss)
    masked = np.where(hidden, outputs + 10.0, outputs)
    assert (task.losses(batch, masked).numpy() > loss + 1.0).all()


def huber(difference):
    size = np.abs(difference)
    return np.where(size < 1.0, 0.5 * size**2, size - 0.5)


@pytest.mark.parametrize("region", ["masked", "full"])
@pytest.mark.parametrize(
    ("name", "distance"), [("mse", np.square), ("l1", np.abs), ("huber", huber)]
)
def test_the_loss_is_the_mean_distance_of_the_region(name, distance, region):
    task = make_task(reconstruction_loss=name, loss_region=region)
    batch, outputs = make_batch(task)
    distances = distance(outputs - batch["target"].numpy())
    hidden = pixel_mask(batch)
    if region == "full":
        expected = distances.mean((1, 2, 3))
    else:
        expected = [d[h].mean() for d, h in zip(distances, hidden, strict=True)]
    found = task.losses(batch, tf.constant(outputs))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_normalized_targets_standardise_each_patch():
    task = make_task(target="normalized_patches")
    batch, outputs = make_batch(task)
    patches = numpy_patches(batch["target"])
    deviation = np.sqrt(patches.var(-1, keepdims=True) + 1e-6)
    patches = (patches - patches.mean(-1, keepdims=True)) / deviation
    errors = np.square(numpy_patches(outputs) - patches).mean(-1)
    hidden = np.reshape(batch["mask"], (3, -1)) > 0
    expected = [e[h].mean() for e, h in zip(errors, hidden, strict=True)]
    found = task.losses(batch, tf.constant(outputs))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("target", ["pixels", "normalized_patches"])
def test_a_perfect_prediction_has_no_loss_and_previews_as_the_original(target):
    task = make_task(target=target)
    batch, _ = make_batch(task)
    perfect = batch["target"]
    if target == "normalized_patches":
        patches = numpy_patches(perfect)
        deviation = np.sqrt(patches.var(-1, keepdims=True) + 1e-6)
        patches = (patches - patches.mean(-1, keepdims=True)) / deviation
        patches = patches.reshape(3, 2, 2, PATCH, PATCH, 3)
        perfect = patches.transpose(0, 1, 3, 2, 4, 5)
        perfect = tf.constant(perfect.reshape(3, SIZE, SIZE, 3))
    np.testing.assert_allclose(task.losses(batch, perfect), 0.0, atol=1e-9)
    shown, reconstruction, original = task.preview(batch, perfect)
    np.testing.assert_array_equal(shown, batch["input"])
    np.testing.assert_array_equal(original, batch["target"])
    np.testing.assert_allclose(reconstruction, original, atol=1e-5)


@pytest.mark.parametrize("region", ["masked", "full"])
def test_ratio_0_is_a_plain_autoencoder_over_the_whole_image(region):
    task = make_task(mask_ratio=0.0, loss_region=region)
    batch, outputs = make_batch(task)
    np.testing.assert_array_equal(batch["input"], batch["target"])
    assert not batch["mask"].numpy().any()
    expected = np.square(outputs - batch["target"]).mean((1, 2, 3))
    found = task.losses(batch, tf.constant(outputs))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_mask_is_a_function_of_the_seed():
    task = make_task(mask_fill="noise")
    image = {"image": tf.zeros([SIZE, SIZE, 3])}
    first, again, other = (
        task.map(image, tf.constant(seed))["input"].numpy()
        for seed in ([1, 2], [1, 2], [1, 3])
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_bfloat16_outputs_are_judged_in_float32():
    task = make_task()
    batch, outputs = make_batch(task)
    outputs = tf.cast(outputs, tf.bfloat16)
    found = task.losses(batch, outputs)
    assert found.dtype == tf.float32
    np.testing.assert_array_equal(
        found, task.losses(batch, tf.cast(outputs, tf.float32))
    )


def test_an_unknown_decoder_names_the_flag_and_the_known():
    with pytest.raises(ConfigError, match="--decoder.*'deep'.*hierarchical"):
        make_task(decoder="deep")


def test_a_patch_that_does_not_fit_names_the_flag():
    with pytest.raises(ConfigError, match="--patch_size=3"):
        make_task(patch_size=3)


def test_images_that_no_network_takes_are_told_before_patches():
    with pytest.raises(ConfigError, match="--image_size=30 does not fit"):
        examples.make_task("mae", 30, patch_size=8)


@pytest.mark.parametrize(("width", "expected"), [(0, 6), (5, 5)])
def test_the_decoder_is_as_wide_as_asked_or_as_the_first_cells(width, expected):
    task = make_task(init_channels=6, decoder_width=width)
    head = task.build_head(head_of(SPACES.get("nasbench201")))
    assert head.width == expected
    assert head.image_size == SIZE
