"""Tests of `maenas_tf.data.color_jitter`, against Pillow."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance

from maenas_tf.data.color_jitter import jitter_colors

IMAGE = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
ENHANCERS = (
    ImageEnhance.Brightness,
    ImageEnhance.Contrast,
    ImageEnhance.Color,
)


def drawn(seed):
    return tf.random.stateless_uniform([2, 4], seed, alg="philox").numpy()[0]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_brightness_contrast_and_saturation_are_pillows(place):
    amounts = [0.0] * 4
    amounts[place] = 0.4
    for number in range(5):
        seed = [number, 7]
        found = jitter_colors(IMAGE, amounts, seed).numpy()
        factor = 0.6 + 0.8 * float(drawn(seed)[place])
        enhancer = ENHANCERS[place](Image.fromarray(IMAGE))
        expected = np.asarray(enhancer.enhance(factor))
        # Pillow rounds the grey first and cuts off instead of rounding.
        assert np.abs(found.astype(int) - expected).max() <= 2


def test_the_hue_is_turned_by_a_part_of_the_circle():
    seed = [3, 1]
    found = jitter_colors(IMAGE, (0, 0, 0, 0.2), seed).numpy()
    turn = 0.2 * (2 * float(drawn(seed)[3]) - 1)
    for before, after in zip(
        IMAGE.reshape(-1, 3), found.reshape(-1, 3), strict=True
    ):
        hue, saturation, value = colorsys.rgb_to_hsv(*before / 255)
        expected = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
        assert np.abs(after - 255 * np.array(expected)).max() <= 1


def test_all_four_come_in_every_first_place():
    # A grey image: what comes before brightness changes no grey but contrast.
    image = np.full((4, 4, 3), 100, np.uint8)
    image[:2] = 50
    jitter = tf.function(
        lambda seed: jitter_colors(image, (0.9, 0.9, 0.0, 0.0), seed)
    )
    results = {
        tuple(jitter(tf.constant([number, 0])).numpy()[::3, 0, 0])
        for number in range(20)
    }
    assert len(results) > 15


def test_no_amount_changes_nothing():
    np.testing.assert_array_equal(
        jitter_colors(IMAGE, (0, 0, 0, 0), [1, 2]), IMAGE
    )


def test_colours_are_a_function_of_the_seed():
    amounts = (0.4, 0.4, 0.4, 0.2)
    jitter = tf.function(lambda seed: jitter_colors(IMAGE, amounts, seed))
    first = jitter(tf.constant([1, 2])).numpy()
    np.testing.assert_array_equal(first, jitter(tf.constant([1, 2])))
    assert not np.array_equal(first, jitter(tf.constant([1, 3])))
