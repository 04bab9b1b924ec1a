"""Tests of `maenas_tf.data.augment`."""

import numpy as np
import tensorflow as tf

from maenas_tf.data import augment

IMAGE = np.random.default_rng(0).integers(1, 256, (8, 8, 3), dtype=np.uint8)


def _crops(image, padding):
    """All crops of the padded image, by slicing."""
    padded = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])
    moves = range(2 * padding + 1)
    side = image.shape[0]
    return {
        padded[y : y + side, x : x + side].tobytes()
        for y in moves
        for x in moves
    }


def test_crop_reaches_all_moves_and_nothing_else():
    crop = tf.function(lambda seed: augment.random_crop(IMAGE, 1, seed))
    seen = {
        crop(tf.constant([seed, 0])).numpy().tobytes() for seed in range(150)
    }
    assert seen == _crops(IMAGE, 1)


def test_crop_without_padding_returns_the_image():
    np.testing.assert_array_equal(augment.random_crop(IMAGE, 0, [0, 0]), IMAGE)


def test_flip_mirrors_half_of_the_images():
    flip = tf.function(lambda seed: augment.random_flip(IMAGE, seed))
    mirrored = 0
    for seed in range(400):
        result = flip(tf.constant([seed, 5])).numpy()
        if np.array_equal(result, IMAGE[:, ::-1]):
            mirrored += 1
        else:
            np.testing.assert_array_equal(result, IMAGE)
    assert 150 < mirrored < 250  # 200 +- five standard deviations of 10


def test_augmentation_is_a_function_of_the_seed():
    for function in (
        lambda seed: augment.random_crop(IMAGE, 3, seed),
        lambda seed: augment.random_flip(IMAGE, seed),
    ):
        np.testing.assert_array_equal(function([1, 2]), function([1, 2]))


def test_normalize_follows_its_formula():
    mean, std = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
    result = augment.normalize(IMAGE, mean, std)
    assert result.dtype == tf.float32
    expected = (IMAGE / 255 - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(result, expected, atol=1e-6)
