"""Tests of `maenas_tf.data.color`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.data import color

# Lab of sRGB's corners with D65, as published by colour calculators
# (B. Lindbloom's, and the tables of Poynton), to two digits.
KNOWN = [
    ((255, 255, 255), (100.0, 0.0, 0.0)),
    ((0, 0, 0), (0.0, 0.0, 0.0)),
    ((255, 0, 0), (53.24, 80.09, 67.20)),
    ((0, 255, 0), (87.73, -86.18, 83.18)),
    ((0, 0, 255), (32.30, 79.19, -107.86)),
    ((255, 255, 0), (97.14, -21.55, 94.48)),
    ((0, 255, 255), (91.11, -48.09, -14.13)),
    ((255, 0, 255), (60.32, 98.23, -60.82)),
    ((119, 119, 119), (50.03, 0.0, 0.0)),
    # In the linear part of both curves: L = 903.3 * (2/255) / 12.92.
    ((2, 2, 2), (0.5484, 0.0, 0.0)),
]


@pytest.mark.parametrize(("pixel", "expected"), KNOWN)
def test_known_colours_have_their_published_lab(pixel, expected):
    found = color.srgb_to_lab(tf.constant([pixel], tf.uint8))[0]
    np.testing.assert_allclose(found, expected, atol=0.015)


def test_single_precision_is_enough():
    rng = np.random.default_rng(0)
    pixels = tf.constant(rng.integers(0, 256, (5, 7, 3)), tf.uint8)
    found = color.srgb_to_lab(pixels)
    assert found.dtype == tf.float32
    exact = color.srgb_to_lab(pixels, tf.float64)
    np.testing.assert_allclose(found, exact, atol=1e-3)


def test_there_are_317_bins_on_a_grid_and_grey_is_one():
    centers = color.bin_centers()
    assert centers.shape == (317, 2)
    assert len(np.unique(centers, axis=0)) == 317
    np.testing.assert_array_equal(centers % 9, 0)
    assert [0.0, 0.0] in centers.tolist()


def test_a_centre_is_in_its_own_bin():
    found = color.color_bin(tf.constant(color.bin_centers(), tf.float32))
    np.testing.assert_array_equal(found, np.arange(317))


def test_every_colour_is_in_the_bin_nearest_to_it():
    pixels = np.random.default_rng(0).integers(0, 256, (4000, 3), np.uint8)
    ab = color.srgb_to_lab(tf.constant(pixels))[:, 1:]
    found = color.color_bin(ab)
    assert found.dtype == tf.int32
    distances = ab.numpy()[:, np.newaxis] - color.bin_centers()
    distances = np.square(distances).sum(-1)
    np.testing.assert_array_equal(found, distances.argmin(-1))


def test_beyond_the_gamut_a_bin_near_the_edge_answers():
    # The corners of the plane; no image has such colours.
    far = color.color_bin(tf.constant([[500.0, -500.0], [-90.0, 90.0]]))
    np.testing.assert_array_equal(
        color.bin_centers()[far], [[81.0, -108.0], [-90.0, 81.0]]
    )
