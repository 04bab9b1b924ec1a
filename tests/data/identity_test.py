"""Tests of `maenas_tf.data.identity`."""

import dataclasses
import json
import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from maenas_tf.data import identity, memory
from maenas_tf.data.arrays import from_arrays
from maenas_tf.data.identity import DataIdentity
from maenas_tf.data.sources import load_images

THEN = DataIdentity(
    "folder", "train", 120, 64, ("ant", "cat"), {"paths": "a", "labels": "b"}
)
PIXELS = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 3), np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Nine pictures in three folders."""
    root = tmp_path / "pictures"
    for number, pixels in enumerate(PIXELS):
        path = root / f"c{number % 3}" / f"{number}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return root


def read(root, with_labels=True, **options):
    """Returns the identity of a folder's images."""
    images = load_images(
        "folder", data_dir=str(root), with_labels=with_labels, **options
    )
    return images.identity("train")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({}, ""),
        ({"num_images": 123}, "3 images were added (123 now, 120 then)"),
        ({"num_images": 119}, "1 image was removed (119 now, 120 then)"),
        ({"class_names": ("ant", "zcat")}, "class 'cat' is now 'zcat'"),
        ({"class_names": ("ant",)}, "class 'cat' was removed"),
        (
            {"class_names": ("ant", "bee", "cat", "dog")},
            "classes 'bee', 'dog' were added",
        ),
        (
            {"class_names": ("cat", "ant")},
            "the classes come in another order ('cat', 'ant', not 'ant', "
            "'cat')",
        ),
        ({"image_size": 32}, "they are 32 pixels a side and were 64"),
        ({"name": "x"}, "the data set is 'x' and was 'folder'"),
        (
            {"fingerprint": {"paths": "x", "labels": "x"}},
            "other files are read, or the same ones under other names",
        ),
        (
            {"fingerprint": {"paths": "a", "labels": "x"}},
            "they have other labels",
        ),
        # A part that another version adds or leaves out tells nothing.
        ({"fingerprint": {"paths": "a", "more": "x"}}, ""),
    ],
)
def test_what_has_changed_is_said(now, said):
    assert THEN.changes(dataclasses.replace(THEN, **now)) == said


def test_all_that_can_be_counted_is_said_at_once():
    now = dataclasses.replace(THEN, num_images=119, class_names=("cat", "dog"))
    assert THEN.changes(now) == (
        "class 'ant' is now 'dog'; 1 image was removed (119 now, 120 then)"
    )


def test_an_identity_survives_json():
    text = json.dumps(THEN.to_dict())
    assert DataIdentity.from_dict(json.loads(text)) == THEN


@pytest.mark.parametrize("values", [[], None, {}, {**vars(THEN), "split": 1}])
def test_what_is_no_identity_is_an_error(values):
    if isinstance(values, dict) and values:
        values["fingerprint"] = 3
    with pytest.raises(ValueError, match="missing or wrong"):
        DataIdentity.from_dict(values)


def test_a_copy_of_a_folder_is_the_same(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    os.utime(copy / "c0" / "0.bmp", (1, 1))
    assert read(copy) == read(folder)


def test_images_decoded_on_demand_are_those_in_memory(folder, monkeypatch):
    in_memory = read(folder)
    monkeypatch.setattr(memory, "physical_memory", lambda: 1000)
    assert read(folder) == in_memory


def add(folder):
    shutil.copy(folder / "c0" / "0.bmp", folder / "c1" / "new.bmp")


def rename_class(folder):
    (folder / "c0").rename(folder / "z")


def rename_file(folder):
    (folder / "c0" / "0.bmp").rename(folder / "c0" / "a.bmp")


def exchange(folder):
    first, second = folder / "c0" / "0.bmp", folder / "c1" / "1.bmp"
    first.rename(folder / "kept")
    second.rename(first)
    (folder / "kept").rename(second)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (add, "1 image was added"),
        (rename_class, "class 'c0' is now 'z'"),
        (rename_file, "under other names"),
        # Of the same size: bytes alone tell.
        (exchange, "files hold other bytes"),
    ],
)
def test_a_changed_folder_is_told(folder, change, said):
    before = read(folder)
    change(folder)
    assert said in before.changes(read(folder))


def test_a_class_renamed_is_told_without_labels(folder):
    before = read(folder, with_labels=False)
    rename_class(folder)
    now = read(folder, with_labels=False)
    assert "under other names" in before.changes(now)


def test_sizes_are_told_of_every_file_and_bytes_of_some(folder, monkeypatch):
    monkeypatch.setattr(identity, "NUM_HASHED_FILES", 3)
    paths = [folder / f"c{n % 3}" / f"{n}.bmp" for n in range(9)]

    def contents():
        found = identity.fingerprint_files(folder, [str(p) for p in paths])
        return found["contents"]

    before = contents()
    # The files 0, 3 and 6 are those whose bytes count.
    whole = paths[1].read_bytes()
    paths[1].write_bytes(whole[::-1])
    assert contents() == before
    paths[1].write_bytes(whole + b"0")
    assert contents() != before
    paths[1].write_bytes(whole)
    paths[3].write_bytes(paths[3].read_bytes()[::-1])
    assert contents() != before


def test_arrays_are_told_by_their_pixels():
    before = from_arrays(PIXELS).identity("train")
    assert before.changes(from_arrays(PIXELS.copy()).identity("train")) == ""
    other = PIXELS.copy()
    other[8, 0, 0, 0] ^= 1
    now = from_arrays(other).identity("train")
    assert before.changes(now) == "they have other pixels"
    now = from_arrays(PIXELS[::-1]).identity("train")
    assert before.changes(now) == "the same images come in another order"


def test_arrays_are_told_by_their_labels():
    labels = np.arange(9) % 2
    before = from_arrays(PIXELS, labels=labels).identity("train")
    now = from_arrays(PIXELS, labels=1 - labels).identity("train")
    assert before.changes(now) == "they have other labels"


@pytest.mark.large
def test_a_hundred_thousand_files_take_a_second(tmp_path):
    paths = []
    for number in range(100_000):
        if number % 1000 == 0:
            (tmp_path / f"{number // 1000}").mkdir()
        path = f"{tmp_path}/{number // 1000}/{number}.png"
        with open(path, "wb") as file:
            file.write(b"0" * 1000)
        paths.append(path)
    begin = time.monotonic()
    identity.fingerprint_files(tmp_path, paths)
    assert time.monotonic() - begin < 5
