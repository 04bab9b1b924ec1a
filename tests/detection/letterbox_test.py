"""Tests of `maenas_tf.detection.letterbox`, and of images decoded whole."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from maenas_tf.data.decoding import decode_whole
from maenas_tf.data.image_file import read_whole, upright_sides
from maenas_tf.data.pixel_rules import NEW_RULES
from maenas_tf.detection.letterbox import FILLING, fitted_sides, letterbox


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (20, 40, (16, 32)),
        (32, 32, (32, 32)),
        (100, 3, (32, 1)),
        (5, 7, (23, 32)),
    ],
)
def test_the_longer_side_fills_the_square(height, width, expected):
    assert tuple(map(int, fitted_sides(height, width, 32))) == expected
    tensors = fitted_sides(tf.constant(height), tf.constant(width), 32)
    assert tuple(int(side) for side in tensors) == expected
    arrays = fitted_sides(np.array([height]), np.array([width]), 32)
    assert tuple(int(side[0]) for side in arrays) == expected


def test_what_is_left_over_is_grey_and_nothing_is_cut_off():
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:, 15:] = 255
    square = letterbox(tf.constant(pixels), 40).numpy()
    assert (square[20:] == FILLING).all()
    assert (square[:20, :28] == 0).all()
    assert (square[:20, 32:] == 255).all()


def test_a_square_of_the_size_stays_as_it_is():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (24, 24, 3), np.uint8)
    np.testing.assert_array_equal(letterbox(tf.constant(pixels), 24), pixels)


def picture(form, **options):
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (30, 50, 3), np.uint8))
    if form == "opacity":
        opacity = rng.integers(0, 256, (30, 50), np.uint8)
        image.putalpha(Image.fromarray(opacity))
        form = "PNG"
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "opacity"])
def test_a_server_sees_the_same_pixels_as_a_training(form, tmp_path):
    (tmp_path / "picture").write_bytes(picture(form))
    read = read_whole(tmp_path / "picture")
    assert read.shape == (30, 50, 3)
    served = tf.function(lambda x: decode_whole(x, NEW_RULES))
    np.testing.assert_array_equal(served(tf.constant(picture(form))), read)


def test_a_turned_photograph_is_looked_at_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "turned.jpg").write_bytes(picture("JPEG", exif=exif))
    (tmp_path / "plain.jpg").write_bytes(picture("JPEG"))
    assert upright_sides(tmp_path / "turned.jpg") == (50, 30)
    assert upright_sides(tmp_path / "plain.jpg") == (30, 50)
    turned = read_whole(tmp_path / "turned.jpg").numpy()
    plain = read_whole(tmp_path / "plain.jpg").numpy()
    np.testing.assert_array_equal(turned, np.rot90(plain, -1))
