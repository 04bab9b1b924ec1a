"""Tests of `maenas_tf.data.jpeg`: parts of files, and files reduced."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from maenas_tf.data import decoding, jpeg
from maenas_tf.data.image_file import read_image
from maenas_tf.data.pixel_rules import NEW_RULES, PixelRules
from maenas_tf.data.resizing import resize_images, stretch
from maenas_tf.data.windows import choose_window, propose_windows

HEIGHT, WIDTH = 150, 200


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A smooth JPEG with some noise, in each of four orientations."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (8, 10, 3), np.uint8)
    image = Image.fromarray(small).resize((WIDTH, HEIGHT), Image.BICUBIC)
    folder = tmp_path_factory.mktemp("jpeg")
    for orientation in (1, 3, 6, 7):
        exif = Image.Exif()
        exif[0x0112] = orientation
        image.save(folder / f"{orientation}.jpg", quality=95, exif=exif)
    return folder


def assert_same(found, expected):
    """A decoder of a part does not know the colours beyond its columns."""
    found, expected = np.asarray(found), np.asarray(expected)
    np.testing.assert_array_equal(found[:, 2:-2], expected[:, 2:-2])
    assert np.abs(found.astype(int) - expected).max() <= 8


def proposals_of(seed, least_area=0.08):
    return propose_windows(tf.constant([seed, 0]), least_area).numpy()


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_a_part_is_that_of_the_whole_picture_upright(picture, orientation):
    encoded = (picture / f"{orientation}.jpg").read_bytes()
    whole = decoding.turn_upright(jpeg.decode_jpeg(encoded, 1), orientation)
    for seed in range(8):
        proposals = proposals_of(seed)
        top, left, height, width = choose_window(proposals, *whole.shape[:2])
        part = stretch(whole[top : top + height, left : left + width], 64)
        found = jpeg.decode_part(encoded, orientation, 64, proposals)
        assert_same(found, part)
        if orientation != 1:
            np.testing.assert_array_equal(found, part)


def test_a_server_and_a_training_cut_the_same_bits(picture):
    @tf.function(
        input_signature=[
            tf.TensorSpec([], tf.string),
            tf.TensorSpec([10, 4], tf.float32),
        ]
    )
    def in_graph(encoded, proposals):
        return decoding.decode(encoded, 32, NEW_RULES, proposals)

    for path in picture.iterdir():
        for seed in (0, 1):
            proposals = proposals_of(seed)
            found = in_graph(tf.constant(path.read_bytes()), proposals)
            expected = read_image(path, 32, NEW_RULES, proposals)
            np.testing.assert_array_equal(found, expected)


def test_other_formats_are_cut_as_jpeg_is(picture, tmp_path):
    whole = jpeg.decode_jpeg((picture / "1.jpg").read_bytes(), 1).numpy()
    Image.fromarray(whole).save(tmp_path / "a.png")
    Image.fromarray(whole).save(tmp_path / "a.bmp")
    for seed in range(3):
        proposals = proposals_of(seed)
        expected = read_image(picture / "1.jpg", 64, NEW_RULES, proposals)
        for name in ("a.png", "a.bmp"):
            found = read_image(tmp_path / name, 64, NEW_RULES, proposals)
            assert_same(found, expected)


def test_a_large_part_is_reduced_in_the_decoder_and_looks_the_same(picture):
    encoded = (picture / "1.jpg").read_bytes()
    proposals = proposals_of(0, 0.8)
    top, left, height, width = choose_window(proposals, HEIGHT, WIDTH)
    whole = jpeg.decode_jpeg(encoded, 1)
    part = stretch(whole[top : top + height, left : left + width], 16)
    reduced = jpeg.decode_part(encoded, 1, 16, proposals)
    assert int(jpeg.jpeg_step(height, width, 16)) > 0
    assert not np.array_equal(reduced, part)
    difference = np.abs(reduced.numpy().astype(int) - part.numpy())
    # The window moves to where the reduced picture has pixels.
    assert difference.mean() < 6


@pytest.mark.parametrize("center_crop", [1.0, 0.875])
def test_the_centre_is_that_of_the_resized_picture(picture, center_crop):
    rules = PixelRules(center_crop=center_crop)
    found = read_image(picture / "1.jpg", 112, rules)
    whole = jpeg.decode_jpeg((picture / "1.jpg").read_bytes(), 1)
    side = round(112 / center_crop)
    large = resize_images(whole, side).numpy()
    start = (side - 112) // 2
    stop = start + 112
    np.testing.assert_array_equal(found, large[start:stop, start:stop])
