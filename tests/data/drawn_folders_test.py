"""Folders of any layout are read with right counts, or refused."""

from __future__ import annotations

import io
import os
import pathlib
import tempfile
from collections.abc import Mapping

import numpy as np
import pytest
from absl import logging
from hypothesis import strategies as st
from PIL import Image

from maenas_tf.data.sources import load_images
from tests.drawn.cases import draws, numbers_of_cases, refused_in_a_sentence

ORDINARY = ("a", "b", "Cat dog", "$x_1$", "é", "\udcff", "x y", "12")
SPLITS = ("train", "Train", "test", "TESTING", "val", "unlabeled", "test_set")
UNSEEN = (".hidden", "__MACOSX")
NAMES = st.sampled_from(ORDINARY) | st.sampled_from((*SPLITS, *UNSEEN))
FILES = ("p.png", "q.JPG", "r", "s.txt", "t.gif", ".u.png", "v\udcfe.png")
# What a run writes; two of them tell it.
FILES += ("config.json", "flags.txt", "history.csv")
KINDS = ("image", "image", "image", "text", "empty", "pipe", "gone", "up")


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (3, 2), (9, 8, 7)).save(file, "PNG")
    return file.getvalue()


PNG = _png()


def trees(names):
    """Draws folders as mappings from names to folders or kinds of files."""
    leaves = st.dictionaries(
        st.sampled_from(FILES), st.sampled_from(KINDS), max_size=3
    )

    def above(below):
        both = st.tuples(leaves, st.dictionaries(names, below, max_size=2))
        return both.map(lambda pair: {**pair[0], **pair[1]})

    return above(above(leaves))


def write(path: pathlib.Path, tree: Mapping) -> None:
    path.mkdir()
    for name, what in tree.items():
        file = path / name
        if isinstance(what, Mapping):
            write(file, what)
        elif what == "pipe":
            os.mkfifo(file)
        elif what == "gone":
            file.symlink_to("nowhere")
        elif what == "up":
            file.symlink_to("..")
        else:
            content = {"image": PNG, "text": b"no image", "empty": b""}[what]
            file.write_bytes(content)


def is_run(tree: Mapping) -> bool:
    marks = {"flags.txt", "history.csv"} & {*tree}
    return "config.json" in tree and bool(marks)


def count(tree: Mapping, wanted: str) -> int:
    """Counts what a reader must have seen, by rules of its own."""
    if is_run(tree):
        return 0
    total = 0
    for name, what in tree.items():
        if name.startswith(".") or name == "__MACOSX":
            continue
        if isinstance(what, Mapping):
            total += count(what, wanted)
        elif what == "image":
            total += wanted == "all" or not name.endswith(
                (".txt", ".json", ".csv")
            )
        elif what != "up":
            total += wanted == "all"
    return total


@pytest.fixture(autouse=True)
def silent(monkeypatch):
    monkeypatch.setattr(logging, "warning", lambda *args: None)


def load(tree, **options):
    """Returns what is read of a tree, None if it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "data"
        write(root, tree)
        with refused_in_a_sentence():
            return load_images(
                "folder", data_dir=str(root), image_size=8, **options
            )


@numbers_of_cases(40)
def test_every_image_of_an_ordinary_folder_is_counted(cases):
    @draws(cases, trees(st.sampled_from((*ORDINARY, *UNSEEN))))
    def check(tree):
        made = load(tree, with_labels=False)
        num_images = count(tree, "images")
        assert (made is not None) == (num_images > 0 and not is_run(tree))
        if made is None:
            return
        seen = made.num_images + made.num_skipped + made.num_others
        assert made.num_images == num_images
        assert seen == count(tree, "all")

    check()


def classes_of(tree: Mapping) -> dict[str, int]:
    """Returns the classes that hold an image, and how many, in order."""
    counts = {
        name: count(what, "images")
        for name, what in sorted(tree.items())
        if isinstance(what, Mapping)
    }
    return {
        name: number
        for name, number in counts.items()
        if number and not name.startswith(".") and name != "__MACOSX"
    }


@numbers_of_cases(40)
def test_classes_are_the_folders_that_hold_images(cases):
    names = st.sampled_from((*ORDINARY, *UNSEEN))
    labelled = st.dictionaries(names, trees(names), min_size=1, max_size=3)

    @draws(cases, labelled)
    def check(tree):
        made = load(tree, with_labels=True)
        expected = classes_of(tree)
        assert (made is not None) == bool(expected)
        if made is not None:
            assert made.class_names == tuple(expected)
            assert made.class_counts == tuple(expected.values())

    check()


@numbers_of_cases(60)
def test_a_folder_of_any_names_is_read_or_refused(cases):
    splits = st.sampled_from((*SPLITS, "validation", "", "..", "a"))

    @draws(cases, trees(NAMES), splits, st.booleans(), st.integers(0, 4))
    def check(tree, split, with_labels, max_images):
        made = load(
            tree, split=split, with_labels=with_labels, max_images=max_images
        )
        if made is None:
            return
        assert 1 <= made.num_images <= count(tree, "images")
        seen = made.num_images + made.num_skipped + made.num_others
        assert seen <= count(tree, "all")
        taken = made.num_images + made.num_skipped
        assert taken <= max_images or not max_images
        if with_labels:
            assert len(made.labels) == made.num_images
            assert list(made.class_names) == sorted(set(made.class_names))
            assert max_images or min(made.class_counts) > 0
        else:
            assert (made.labels, made.class_names) == (None, ())
        assert made.read(np.arange(1)).shape == (1, 8, 8, 3)

    check()
