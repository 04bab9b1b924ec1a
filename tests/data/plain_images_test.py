"""Tests of `maenas_tf.data.plain_images`, by way of those who ask it."""

import numpy as np
import pytest
from PIL import Image

from maenas_tf.data import memory
from maenas_tf.data.sources import from_arrays, load_images
from tests.data import pictures


def load(folder, **options):
    return load_images(
        "folder",
        data_dir=str(folder),
        image_size=8,
        with_labels=False,
        **options,
    )


@pytest.mark.parametrize("in_memory", [True, False])
def test_images_of_one_colour_are_named(
    tmp_path, caplog, monkeypatch, in_memory
):
    if not in_memory:
        monkeypatch.setattr(memory, "memory_limit", lambda: 1)
    (tmp_path / "deep").mkdir()
    for number in range(4):
        pictures.photo(20 + number, 30).save(tmp_path / f"{number}.png")
    Image.new("RGB", (9, 9), (1, 2, 3)).save(tmp_path / "deep" / "blue.png")
    load(tmp_path)
    assert "1 of the 5 images" in caplog.text
    assert "one colour (deep/blue.png)" in caplog.text


def icon(path, colour):
    """Saves an icon that is drawn by its transparency alone."""
    opacity = np.zeros((20, 20), np.uint8)
    opacity[5:15, 3 : 4 + colour] = 255
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[..., 3] = opacity
    Image.fromarray(pixels).save(path)


def test_black_icons_are_seen_on_white_and_missed_on_black(tmp_path, caplog):
    for number in range(12):
        icon(tmp_path / f"{number:02}.png", number)
    made = load(tmp_path)
    assert len(np.unique(made.images, axis=0)) == 12
    assert caplog.text == ""
    black = load(tmp_path, rules=type(made.pixels)(background="black"))
    assert np.all(black.images == 0)
    assert "All 12 images" in caplog.text
    assert "the same, pixel for pixel (00.png, 01.png, " in caplog.text
    assert "--background=black" in caplog.text


def test_arrays_are_named_by_their_place(caplog):
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8), np.uint8)
    from_arrays(images)
    assert caplog.text == ""
    images[2] = 7
    from_arrays(images)
    assert "of one colour (images[2])" in caplog.text


def test_a_file_that_is_black_beside_brighter_ones_is_named(tmp_path, caplog):
    # Both are whole numbers, and the set has one white.
    ramp = np.arange(64).reshape(8, 8)
    Image.fromarray((ramp * 1040).astype(np.uint16)).save(tmp_path / "a.png")
    Image.fromarray(ramp.astype(np.int32)).save(tmp_path / "b.tif")
    load(tmp_path)
    assert "are, or nearly are, of one colour (b.tif)" in caplog.text
