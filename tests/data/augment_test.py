"""Tests of `maenas_tf.data.augment`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import BatchSettings, ConfigError
from maenas_tf.data import augment
from maenas_tf.data.array_images import ArrayImages
from maenas_tf.data.color_jitter import jitter_colors
from maenas_tf.data.windows import cut_window, propose_windows

IMAGE = np.random.default_rng(0).integers(1, 256, (8, 8, 3), dtype=np.uint8)
ONE = ArrayImages(images=IMAGE[np.newaxis], name="one")
JITTER = (0.4, 0.4, 0.4, 0.2)


def _crops(image, padding, mode):
    """All crops of the padded image, by slicing."""
    sides = [(padding, padding), (padding, padding), (0, 0)]
    padded = np.pad(image, sides, mode)
    moves = range(2 * padding + 1)
    side = image.shape[0]
    return {
        padded[y : y + side, x : x + side].tobytes()
        for y in moves
        for x in moves
    }


@pytest.mark.parametrize(
    ("content", "mode"), [("reflect", "reflect"), ("zero", "constant")]
)
def test_crop_reaches_all_moves_and_nothing_else(content, mode):
    crop = tf.function(
        lambda seed: augment.random_crop(IMAGE, 1, seed, content)
    )
    seen = {
        crop(tf.constant([seed, 0])).numpy().tobytes() for seed in range(150)
    }
    assert seen == _crops(IMAGE, 1, mode)


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


def _blanked(image, size, y, x):
    """An image with the square around a centre set to zero, by slicing."""
    image = image.copy()
    top, left = y - size // 2, x - size // 2
    image[max(top, 0) : top + size, max(left, 0) : left + size] = 0
    return image


def _cutouts(image, size, num_seeds):
    blank = tf.function(lambda seed: augment.cutout(image, size, seed))
    return [blank(tf.constant([s, 9])).numpy() for s in range(num_seeds)]


def test_cutout_blanks_a_square_around_any_pixel_and_nothing_else():
    image = 1 + np.arange(4 * 5 * 3, dtype=np.float32).reshape(4, 5, 3)
    for size in (1, 2, 3):
        expected = {
            _blanked(image, size, y, x).tobytes()
            for y in range(4)
            for x in range(5)
        }
        seen = {result.tobytes() for result in _cutouts(image, size, 250)}
        assert seen == expected


def test_cutout_keeps_the_border_in_view_as_often_as_its_area_tells():
    # Of 8 x 8 centres, a square of 4 reaches over the border of 8 x 8 for all
    # but 5 x 5: what is blanked on average tells centres from corners.
    image = np.ones((8, 8, 1), np.float32)
    blank = 64 - np.sum(_cutouts(image, 4, 600), axis=(1, 2, 3))
    sides = [2, 3, 4, 4, 4, 4, 4, 3]  # rows hit by a centre in row 0 to 7
    assert abs(blank.mean() - np.mean(sides) ** 2) < 0.5
    assert blank.max() == 16
    assert blank.min() == 4


def test_cutout_of_size_zero_returns_the_image():
    np.testing.assert_array_equal(augment.cutout(IMAGE, 0, [0, 0]), IMAGE)


def test_cutout_is_a_function_of_the_seed():
    image = tf.cast(IMAGE, tf.float32)
    first = augment.cutout(image, 3, [1, 2])
    np.testing.assert_array_equal(first, augment.cutout(image, 3, [1, 2]))


def test_the_settings_choose_the_augmentation():
    plain = BatchSettings(augment=False)
    assert augment.make_augmentation(plain) == augment.Augmentation()
    made = augment.make_augmentation(BatchSettings(), 4)
    assert made == augment.CropAndFlip(cutout_size=4, crop_padding="reflect")
    assert made != augment.Augmentation(cutout_size=4)
    black = augment.make_augmentation(BatchSettings(crop_padding="zero"))
    assert black == augment.CropAndFlip(crop_padding="zero")
    published = BatchSettings(
        crop="resized", crop_area=0.2, color_jitter="0.4,0.4,0.4,0.2"
    )
    made = augment.make_augmentation(published)
    assert made == augment.ResizedCropAndFlip(0, 0.2, JITTER)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"color_jitter": "0.4"}, "--color_jitter=0.4 is not valid: give none"),
        ({"color_jitter": "1,1,1,1"}, "of hue from 0 to 0.5"),
        ({"color_jitter": "nan,0,0,0"}, "--color_jitter=nan"),
        ({"crop_area": 0.2}, "--crop_area=0.2 has no effect with --crop=padd"),
        ({"crop": "resized", "crop_padding": "zero"}, "--crop_padding=zero"),
        ({"augment": False, "crop": "resized"}, "--crop=resized has no effect"),
        ({"augment": False, "color_jitter": "1,0,0,0"}, "--augment=False"),
    ],
)
def test_settings_that_say_nothing_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        BatchSettings(**settings)


def test_crop_and_flip_is_the_crop_and_then_the_flip():
    for number in range(6):
        crop_seed, flip_seed = [number, 1], [number, 2]
        made = augment.CropAndFlip().pixels(ONE, 0, crop_seed, flip_seed)
        expected = augment.random_flip(
            augment.random_crop(IMAGE, 1, crop_seed), flip_seed
        )
        np.testing.assert_array_equal(made, expected)


def test_a_resized_crop_is_the_window_at_the_size_of_the_images():
    policy = augment.ResizedCropAndFlip(least_area=0.2)
    for number in range(6):
        crop_seed, flip_seed = tf.constant([[number, 1], [number, 2]])
        made = policy.pixels(ONE, 0, crop_seed, flip_seed)
        part = cut_window(IMAGE, propose_windows(crop_seed, 0.2))
        resized = tf.image.resize(part, [8, 8], antialias=True)
        resized = tf.cast(tf.round(resized), tf.uint8)
        expected = augment.random_flip(resized, flip_seed)
        np.testing.assert_array_equal(made, expected)


def test_colours_change_after_the_flip_and_by_draws_of_their_own():
    policies = (
        augment.CropAndFlip(color_jitter=JITTER),
        augment.CropAndFlip(),
    )
    crop_seed, flip_seed = [1, 1], [1, 2]
    made, plain = (p.pixels(ONE, 0, crop_seed, flip_seed) for p in policies)
    seed = tf.random.experimental.stateless_fold_in(flip_seed, 1)
    np.testing.assert_array_equal(made, jitter_colors(plain, JITTER, seed))
    assert not np.array_equal(made, plain)


def test_cutout_is_of_values_and_not_of_pixels():
    policy = augment.Augmentation(cutout_size=2)
    np.testing.assert_array_equal(policy.pixels(ONE, 0, [0, 0], [0, 0]), IMAGE)
    values = tf.cast(IMAGE, tf.float32)
    np.testing.assert_array_equal(
        policy.values(values, [3, 4]), augment.cutout(values, 2, [3, 4])
    )
