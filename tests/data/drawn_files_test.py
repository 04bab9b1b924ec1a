"""Image files of every kind, broken at random, are read or counted as not."""

from __future__ import annotations

import io
import pathlib
import tempfile

import numpy as np
import pytest
from absl import logging
from hypothesis import strategies as st
from PIL import Image

from maenas_tf.data import memory
from maenas_tf.data.sources import load_images
from tests.drawn.cases import draws, numbers_of_cases, refused_in_a_sentence

# Formats that Pillow knows by their first bytes, and modes that they hold.
FORMATS = {
    "PNG": "1 L LA P RGB RGBA I;16",
    "JPEG": "L RGB CMYK",
    "BMP": "1 L P RGB RGBA",
    "GIF": "L P RGB",
    "TIFF": "1 L LA P RGB RGBA CMYK I;16 I F LAB",
    "WEBP": "L RGB RGBA",
    "PPM": "L RGB",
    "JPEG2000": "L RGB RGBA",
    "AVIF": "RGB RGBA",
}
# ".dat" tells nothing; a ".txt" is never opened.
SUFFIXES = (".png", ".JPG", ".jfif", ".tif", ".tga", "", ".dat", ".txt")


def encode(name: str, mode: str, size: tuple[int, int], seed: int, turn: int):
    """Returns the bytes of a file of random pixels."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
    picture = Image.fromarray(values)
    if mode == "I;16":
        picture = Image.fromarray(values[..., 0].astype(np.uint16) * 200)
    elif mode == "LAB":
        picture = Image.frombytes("LAB", size, values.tobytes())
    else:
        picture = picture.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = turn
    file = io.BytesIO()
    options = {} if name in ("BMP", "GIF", "PPM") else {"exif": exif}
    picture.save(file, name, **options)
    return file.getvalue()


@st.composite
def images(draw) -> bytes:
    """Draws a whole file."""
    name = draw(st.sampled_from(sorted(FORMATS)))
    mode = draw(st.sampled_from(FORMATS[name].split()))
    sides = st.integers(1, 24)
    seed, turn = draw(st.integers(0, 99)), draw(st.integers(0, 9))
    return encode(name, mode, (draw(sides), draw(sides)), seed, turn)


@st.composite
def broken(draw) -> bytes:
    """Draws a file that is cut, changed, longer or no image at all."""
    content = bytearray(draw(images()))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(content)))
        change = draw(st.sampled_from(["cut", "flip", "insert", "overwrite"]))
        some = draw(st.binary(max_size=8))
        if change == "cut":
            del content[place:]
        elif change == "flip" and place < len(content):
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif change == "insert":
            content[place:place] = some
        else:
            content[place : place + len(some)] = some
    return bytes(content)


@pytest.fixture(autouse=True)
def silent(monkeypatch):
    monkeypatch.setattr(logging, "warning", lambda *args: None)


def read_beside_a_good_one(content: bytes, suffix: str):
    """Returns the images of a folder of two files, None if it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "a.png").write_bytes(encode("PNG", "RGB", (9, 7), 0, 1))
        (path / f"b{suffix}").write_bytes(content)
        made = None
        with refused_in_a_sentence():
            made = load_images(
                "folder", data_dir=folder, image_size=8, with_labels=False
            )
            if made.num_images == 2:
                made.read(np.arange(2))
    return made


def check_counts(made) -> None:
    assert made.num_images + made.num_skipped + made.num_others == 2
    assert made.num_images >= 1
    assert (made.image_size, made.class_counts) == (8, ())


@numbers_of_cases(30)
def test_a_whole_file_is_an_image_whatever_its_name(cases):
    @draws(cases, images(), st.sampled_from(SUFFIXES[:-1]))
    def check(content, suffix):
        made = read_beside_a_good_one(content, suffix)
        check_counts(made)
        assert made.num_images == 2

    check()


@numbers_of_cases(60)
def test_a_broken_file_is_read_or_counted(cases):
    contents = broken() | st.binary(max_size=64)

    @draws(cases, contents, st.sampled_from(SUFFIXES))
    def check(content, suffix):
        made = read_beside_a_good_one(content, suffix)
        # A changed bit may put a set's values beyond every known range.
        if made is not None:
            check_counts(made)

    check()


@numbers_of_cases(30)
def test_a_broken_file_on_demand_is_read_or_refused(cases, monkeypatch):
    monkeypatch.setattr(memory, "physical_memory", lambda: 100)

    @draws(cases, broken(), st.sampled_from(SUFFIXES))
    def check(content, suffix):
        made = read_beside_a_good_one(content, suffix)
        if made is not None:
            check_counts(made)

    check()
