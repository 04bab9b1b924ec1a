"""Tests of `maenas_tf.data.file_images`: the same as from memory."""

import os

import numpy as np
import pytest
import tensorflow as tf
from absl import logging
from PIL import Image

from maenas_tf.config import ConfigError
from maenas_tf.data import (
    channel_statistics,
    image_file,
    image_listing,
    memory,
)
from maenas_tf.data.array_images import ArrayImages
from maenas_tf.data.augment import CropAndFlip
from maenas_tf.data.file_images import FileImages
from maenas_tf.data.labelled import evaluation_dataset, training_dataset
from maenas_tf.data.pipeline import bilevel_dataset
from maenas_tf.data.sources import load_images

SIZE = 16
SUFFIXES = ("jpg", "png", "gif", "webp")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of many forms and sizes, and files that are none."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(23):
        size = rng.integers(SIZE // 2, 4 * SIZE, 2)
        pixels = rng.integers(0, 256, (*size, 3), np.uint8)
        suffix = SUFFIXES[number % len(SUFFIXES)]
        path = root / f"c{number % 3}" / f"{number:02}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    for name in ("00.jpg", "01.png", "06.gif", "07.webp"):
        (path,) = root.glob(f"*/{name}")
        whole = path.read_bytes()
        cut = path.with_stem(f"{path.stem}_cut")
        cut.write_bytes(whole[: len(whole) // 2])
        # Some writers add a few bytes: no reason to leave a picture out.
        path.write_bytes(whole + b"\0" * 9)
    (root / "c0" / "a.jpg").write_bytes(b"no picture")
    (root / "c1" / "b.png").touch()
    return root


@pytest.fixture(scope="module")
def both(folder):
    """The same folder in memory and on demand, and what was said of it."""
    options = {
        "data_dir": str(folder),
        "image_size": SIZE,
        "with_labels": True,
    }
    arrays, said = load_images("folder", **options), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "physical_memory", lambda: 1000)
        patch.setattr(
            logging, "warning", lambda text, *args: said.append(text % args)
        )
        return arrays, load_images("folder", **options), said


def test_what_is_too_large_for_memory_stays_in_its_files(both, folder):
    arrays, files, said = both
    assert type(arrays) is ArrayImages
    assert type(files) is FileImages
    assert f"29 images of side {SIZE} in {folder}" in said[0]
    assert "0.0 GiB" in said[0]
    assert "decoded whenever it is needed" in said[0]


def test_both_sources_know_the_same_without_decoding(both):
    arrays, files, said = both
    assert (files.num_images, files.image_size) == (23, SIZE)
    np.testing.assert_array_equal(files.labels, arrays.labels)
    for name in ("class_names", "num_classes", "num_skipped", "name"):
        assert getattr(files, name) == getattr(arrays, name)
    assert files.num_skipped == 6
    assert sum(line.startswith("Skipped /") for line in said) == 6


def test_both_sources_have_the_same_statistics(both, monkeypatch):
    arrays, files, _ = both
    assert (files.mean, files.std) == (arrays.mean, arrays.std)
    monkeypatch.setattr(channel_statistics, "MAX_STATISTICS_IMAGES", 5)
    some = [
        channel_statistics.measure_statistics(made.num_images, made.read)
        for made in (arrays, files)
    ]
    assert some[0] == some[1] != (arrays.mean, arrays.std)


def assert_same(datasets):
    first, second = (list(made.as_numpy_iterator()) for made in datasets)
    assert len(first) == len(second) > 0
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def test_a_search_gets_the_same_bits_from_both(both):
    assert_same(
        bilevel_dataset(
            images,
            example_map=lambda example, seed: {**example, "seed": seed},
            batch_size=3,
            seed=1,
            epoch=2,
            augmentation=CropAndFlip(),
            start_step=1,
            with_labels=True,
        )
        for images in both[:2]
    )


def test_a_training_gets_the_same_bits_from_both(both):
    assert_same(
        training_dataset(
            images,
            np.arange(3, 20),
            batch_size=4,
            seed=0,
            epoch=1,
            augmentation=CropAndFlip(cutout_size=4),
        )
        for images in both[:2]
    )
    assert_same(evaluation_dataset(images, 7) for images in both[:2])


def test_two_replicas_share_what_is_decoded(both):
    dataset = evaluation_dataset(both[1], 4)
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    shared = strategy.experimental_distribute_dataset(dataset)
    for batch, expected in zip(shared, dataset, strict=True):
        np.testing.assert_array_equal(batch["image"], expected["image"])


def test_whole_files_are_not_decoded_to_be_checked(both, folder, monkeypatch):
    decoded = []
    read = image_file.read_image
    monkeypatch.setattr(
        image_file,
        "read_image",
        lambda path, *facts: decoded.append(path) or read(path, *facts),
    )
    paths = image_listing.list_images(folder).images
    for path in paths:
        if path.endswith((".jpg", ".png")) and path in both[1].paths:
            image_file.check_image(path, SIZE)
    assert decoded == []
    for path in set(paths) - set(both[1].paths):
        with pytest.raises(Exception, match=r"\w"):
            image_file.check_image(path, SIZE)


def test_a_file_that_fails_later_is_named_in_one_sentence(tmp_path):
    path = os.fspath(tmp_path / "a.png")
    Image.new("RGB", (9, 9), 5).save(path)
    images = FileImages(paths=[path], size=8, name="folder")
    assert images.read(np.array([0])).tolist() == [[[[5, 0, 0]] * 8] * 8]
    os.remove(path)
    dataset = evaluation_dataset(
        FileImages(
            paths=[path],
            size=8,
            name="folder",
            labels=np.zeros(1, np.int64),
            class_names=("only",),
            failures=images.failures,
        ),
        1,
    )
    for attempt in (
        lambda: images.read(np.array([0])),
        lambda: list(dataset.as_numpy_iterator()),
    ):
        with (
            pytest.raises(ConfigError, match=f"^{path} was an image") as caught,
            images.failures_told(),
        ):
            attempt()
        assert "\n" not in str(caught.value)
        images.failures.clear()


def test_other_errors_are_not_blamed_on_a_file(both):
    with (
        pytest.raises(tf.errors.InvalidArgumentError),
        both[1].failures_told(),
    ):
        tf.reshape(tf.zeros(3), [2])
