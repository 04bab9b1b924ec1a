"""Tests of `maenas_tf.data.settling`."""

import numpy as np
import pytest
from PIL import Image

from maenas_tf.config import ConfigError
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.settling import settle_rules
from maenas_tf.data.sources import load_images


def save(path, values, kind):
    Image.fromarray(np.asarray(values).astype(kind)).save(path)


def settled(folder, rules=None):
    paths = sorted(str(path) for path in folder.iterdir())
    return settle_rules(paths, rules or PixelRules(), "there")


@pytest.mark.parametrize(
    ("name", "kind", "highest", "white"),
    [
        ("png", np.uint16, 200, 255),
        ("png", np.uint16, 4000, 4095),
        ("tif", np.uint16, 60000, 65535),
        ("tif", np.int32, 250, 255),
        ("tif", np.float32, 1.01, 1),
        ("tif", np.float32, 60000, 65535),
    ],
)
def test_the_whole_set_tells_what_is_white(
    tmp_path, caplog, name, kind, highest, white
):
    for number, share in enumerate((0.01, 0.3, 1)):
        values = np.linspace(0, share * highest, 64).reshape(8, 8)
        save(tmp_path / f"{number}.{name}", values, kind)
    save(tmp_path / "bytes.png", np.full((8, 8), 90), np.uint8)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    floats = kind is np.float32
    expected = (0, white) if floats else (white, 0)
    assert settled(tmp_path) == PixelRules("white", *expected)
    assert f"there: {'floating' if floats else 'whole'}" in caplog.text
    assert f"taken as 0 to {white}" in caplog.text
    # Each image keeps its place among the others.
    made = load_images(
        "folder", data_dir=str(tmp_path), image_size=8, with_labels=False
    )
    brightest = made.images.max(axis=(1, 2, 3))
    top = min(highest / white, 1) * 255
    np.testing.assert_allclose(
        brightest, [0.01 * top, 0.3 * top, top, 90], atol=2
    )


def test_what_a_training_has_settled_stays(tmp_path):
    save(tmp_path / "a.png", np.full((8, 8), 200), np.uint16)
    rules = PixelRules(integer_white=4095)
    assert settled(tmp_path, rules) == rules
    made = load_images(
        "folder",
        data_dir=str(tmp_path),
        image_size=8,
        with_labels=False,
        rules=rules,
    )
    assert np.all(made.images == round(200 * 255 / 4095))


def test_a_set_of_bytes_says_nothing(tmp_path, caplog):
    save(tmp_path / "a.png", np.full((8, 8), 200), np.uint8)
    save(tmp_path / "b.jpg", np.full((8, 8), 200), np.uint8)
    assert settled(tmp_path) == PixelRules()
    assert caplog.text == ""


def test_numbers_that_are_no_pixels_are_refused(tmp_path):
    values = np.linspace(-1000, 3000, 64).reshape(8, 8)
    save(tmp_path / "a.tif", values, np.float32)
    with pytest.raises(ConfigError, match="from -1000 to 3000"):
        settled(tmp_path)
