"""Tests of `maenas_tf.data.image_folder`."""

import os

import numpy as np
import pytest
from absl import logging
from PIL import Image

from maenas_tf.config import ConfigError
from maenas_tf.data import image_folder
from maenas_tf.data.sources import load_images


def save(path, value=100, size=(10, 10), mode="RGB", **options):
    """Write a picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path, **options)


def load(folder, **options):
    options = {"with_labels": False, "image_size": 8, **options}
    return load_images("folder", data_dir=str(folder), **options)


def values(made):
    """The red value of each picture's first pixel."""
    return made.images[:, 0, 0, 0].tolist()


def test_any_nesting_is_read_in_sorted_order(tmp_path):
    save(tmp_path / "b.png", (2, 0, 0))
    save(tmp_path / "a" / "deep" / "x.png", (1, 0, 0))
    save(tmp_path / "c" / "y.PNG", (3, 0, 0))
    (tmp_path / "notes.txt").write_text("not an image")
    save(tmp_path / ".hidden" / "z.png", (9, 0, 0))
    save(tmp_path / "._b.png", (9, 0, 0))
    made = load(tmp_path)
    assert values(made) == [1, 2, 3]
    assert (made.labels, made.num_classes, made.num_skipped) == (None, 0, 0)


def test_default_size_is_64_for_mixed_sizes(tmp_path):
    save(tmp_path / "a.png", (5, 6, 7), size=(30, 100))
    save(tmp_path / "b.png", (5, 6, 7), size=(200, 70))
    made = load(tmp_path, image_size=0)
    assert made.images.shape == (2, 64, 64, 3)
    assert made.images.dtype == np.uint8
    assert np.all(made.images == [5, 6, 7])


def test_centre_square_is_kept(tmp_path):
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, 4:12] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.all(load(tmp_path).images == 200)


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("L", 77, (77, 77, 77)),
        ("LA", (77, 255), (77, 77, 77)),
        ("RGBA", (1, 2, 3, 255), (1, 2, 3)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_colour_modes_become_rgb(tmp_path, mode, value, expected):
    save(tmp_path / "a.png", value, mode=mode)
    assert np.all(load(tmp_path).images == expected)


def test_palette_becomes_rgb(tmp_path):
    picture = Image.new("RGB", (10, 10), (10, 20, 30)).quantize(4)
    picture.save(tmp_path / "a.png")
    picture.save(tmp_path / "b.gif", transparency=3)
    assert Image.open(tmp_path / "a.png").mode == "P"
    assert np.all(load(tmp_path).images == (10, 20, 30))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path, suffix):
    pixels = np.full((10, 10), 100 * 257, np.uint16)
    Image.fromarray(pixels).save(tmp_path / f"a.{suffix}")
    assert np.all(load(tmp_path).images == 100)


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_floating_pixels_are_scaled(tmp_path, top):
    pixels = np.full((10, 10), 0.2 * top, np.float32)
    pixels[:, 9] = top
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    assert load(tmp_path, image_size=10).images[0, 0, 0].tolist() == [51] * 3


def test_exif_orientation_is_honoured(tmp_path):
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = 255  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise: white on the right
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, quality=95)
    shown = load(tmp_path, image_size=16).images[0, :, :, 0]
    assert np.all(shown[:, 10:] > 240)
    assert np.all(shown[:, :6] < 15)


def test_large_jpeg_is_reduced_faithfully(tmp_path):
    ramp = np.tile(np.linspace(0, 255, 512).astype(np.uint8), (512, 1))
    Image.fromarray(ramp).save(tmp_path / "a.jpg", quality=95)
    shown = load(tmp_path, image_size=16).images[0, 8, :, 0].astype(int)
    np.testing.assert_allclose(shown, np.arange(8, 256, 16), atol=6)


def test_broken_files_are_named_counted_and_left_out(tmp_path, monkeypatch):
    warnings = []
    monkeypatch.setattr(
        logging, "warning", lambda text, *args: warnings.append(text % args)
    )
    save(tmp_path / "a" / "1.png", (1, 0, 0))
    (tmp_path / "a" / "2.png").write_bytes(b"no picture")
    save(tmp_path / "b" / "3.png", (3, 0, 0))
    whole = (tmp_path / "b" / "3.png").read_bytes()
    (tmp_path / "b" / "4.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b" / "5.jpg").touch()
    made = load(tmp_path, with_labels=True)
    assert values(made) == [1, 3]
    assert made.labels.tolist() == [0, 1]
    assert made.num_skipped == 3
    for name in ("2.png", "4.png", "5.jpg"):
        assert sum(name in warning for warning in warnings) == 1
    assert "Skipped 3 of 5 files" in warnings[-1]


def test_first_level_folders_are_classes_only_when_asked_for(tmp_path):
    for name, value in (("dog", 2), ("cat", 1), ("eel", 3)):
        save(tmp_path / name / "more" / "x.png", (value, 0, 0))
    made = load(tmp_path, with_labels=True)
    assert made.class_names == ("cat", "dog", "eel")
    assert (made.labels.tolist(), made.num_classes) == ([0, 1, 2], 3)
    assert load(tmp_path).class_names == ()


def test_images_outside_of_classes_are_an_error_with_labels(tmp_path):
    save(tmp_path / "cat" / "a.png")
    save(tmp_path / "stray.png")
    assert len(load(tmp_path).images) == 2
    with pytest.raises(ConfigError, match="--data_dir.*stray.png.*subfolder"):
        load(tmp_path, with_labels=True)


def test_max_images_spreads_over_the_classes(tmp_path, monkeypatch):
    for value in range(12):
        save(tmp_path / f"c{value // 4}" / f"{value:02}.png", (value, 0, 0))
    decoded = []
    read = image_folder.read_image
    monkeypatch.setattr(
        image_folder,
        "read_image",
        lambda path, size: decoded.append(path) or read(path, size),
    )
    made = load(tmp_path, max_images=3, with_labels=True)
    assert values(made) == [0, 4, 8]
    assert made.labels.tolist() == [0, 1, 2]
    assert len(decoded) == 3


def test_split_folders_are_told_apart(tmp_path):
    save(tmp_path / "train" / "a" / "x.png", (1, 0, 0))
    save(tmp_path / "test" / "a" / "x.png", (2, 0, 0))
    assert values(load(tmp_path)) == [1]
    made = load(tmp_path, split="test", with_labels=True)
    assert (values(made), made.class_names) == ([2], ("a",))
    with pytest.raises(ConfigError, match="--split=val .*test, train"):
        load(tmp_path, split="val")


def test_class_named_train_is_no_split(tmp_path):
    save(tmp_path / "train" / "x.png")
    save(tmp_path / "boat" / "x.png")
    assert len(load(tmp_path).images) == 2
    with pytest.raises(ConfigError, match="--split=test.*all images"):
        load(tmp_path, split="test")


def test_linked_folders_are_followed_and_cycles_end(tmp_path):
    save(tmp_path / "elsewhere" / "x.png", (4, 0, 0))
    inside = tmp_path / "data" / "sub"
    inside.mkdir(parents=True)
    os.symlink(tmp_path / "elsewhere", inside / "linked")
    os.symlink(tmp_path / "data", inside / "upwards")
    assert values(load(tmp_path / "data")) == [4]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (None, "does not exist"),
        (lambda path: path.write_text("x"), "is not a folder"),
        (lambda path: path.mkdir(), "has no images"),
    ],
)
def test_unusable_folders_are_explained(tmp_path, make, message):
    path = tmp_path / "data"
    if make:
        make(path)
    with pytest.raises(ConfigError, match=f"--data_dir=.*{message}"):
        load(path)


def test_missing_data_dir_is_explained():
    with pytest.raises(ConfigError, match="--data_dir is empty"):
        load("")


def test_folder_of_broken_files_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match="none of its 1 image.*a.png"):
        load(tmp_path)
