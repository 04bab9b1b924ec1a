"""Tests of `maenas_tf.data.tfds_source`, on data prepared by the test."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging

from maenas_tf.config import ConfigError
from maenas_tf.data import memory, tfds_source
from maenas_tf.data.array_images import ArrayImages
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.sources import load_images
from maenas_tf.data.tfds_records import RecordImages

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8)
TRANSPARENT = np.concatenate([IMAGES, 0 * IMAGES[..., :1]], -1)
LABELS = np.arange(12) % 3


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Small data sets, prepared in the order of their images."""
    folder = str(tmp_path_factory.mktemp("tfds"))
    _store(folder, "tiny_square", IMAGES, (8, 8, 3))
    mixed = [
        image[: 4 + index % 3, :, :1] for index, image in enumerate(IMAGES)
    ]
    _store(folder, "tiny_mixed", mixed, (None, None, 1))
    _store(folder, "tiny_deep", IMAGES.astype(np.uint16) * 257, (8, 8, 3))
    _store(folder, "tiny_floats", IMAGES[..., :1] / np.float32(255), (8, 8, 1))
    _store(folder, "tiny_clear", TRANSPARENT, (8, 8, 4))
    _store(folder, "tiny_records", mixed, (None, None, 1), "array_record")
    tfds.dataset_builders.store_as_tfds_dataset(
        name="tiny_text",
        version="1.0.0",
        features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
        split_datasets={"train": [(0, {"text": "a"})]},
        data_dir=folder,
    )
    return folder


def _store(folder, name, images, shape, file_format=None, label=None):
    dtype = images[0].dtype
    feature, labels = label or (
        tfds.features.ClassLabel(names=["x", "y", "z"]),
        LABELS,
    )
    rows = [
        (index, {"image": image, "label": labels[index]})
        for index, image in enumerate(images)
    ]
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=shape, dtype=dtype),
                "label": feature,
            }
        ),
        split_datasets={"train": rows, "test": rows[:5]},
        data_dir=folder,
        disable_shuffling=True,
        file_format=file_format,
    )


def load(data_dir, name="tiny_square", **options):
    options = {"with_labels": False, **options}
    return load_images(name, data_dir=data_dir, **options)


def test_prepared_images_are_read_in_order(data_dir):
    made = load(data_dir)
    np.testing.assert_array_equal(made.images, IMAGES)
    assert (made.labels, made.num_classes, made.name) == (
        None,
        0,
        "tiny_square",
    )


def test_reading_leaves_the_process_as_it_was(data_dir, monkeypatch):
    monkeypatch.delenv("NO_GCE_CHECK", raising=False)
    names, verbosity = set(os.environ), logging.get_verbosity()
    load(data_dir)
    assert set(os.environ) == names
    assert logging.get_verbosity() == verbosity


def test_labels_are_read_when_asked_for(data_dir):
    made = load(data_dir, with_labels=True, split="test")
    np.testing.assert_array_equal(made.images, IMAGES[:5])
    np.testing.assert_array_equal(made.labels, LABELS[:5])
    assert made.class_names == ("x", "y", "z")


@pytest.mark.parametrize("with_labels", [False, True])
def test_labels_are_parsed_only_when_asked_for(
    data_dir, monkeypatch, with_labels
):
    parsed = set()
    parse = tf.io.parse_single_example

    def spy(serialized, features, *args, **kwargs):
        parsed.update(features)
        return parse(serialized, features, *args, **kwargs)

    monkeypatch.setattr(tf.io, "parse_single_example", spy)
    load(data_dir, with_labels=with_labels)
    assert parsed == ({"image", "label"} if with_labels else {"image"})


def test_max_images_keeps_the_first(data_dir):
    made = load(data_dir, max_images=4, with_labels=True)
    np.testing.assert_array_equal(made.images, IMAGES[:4])
    np.testing.assert_array_equal(made.labels, LABELS[:4])
    assert len(load(data_dir, max_images=99).images) == 12


def test_split_may_be_a_slice(data_dir):
    made = load(data_dir, split="train[50%:]")
    np.testing.assert_array_equal(made.images, IMAGES[6:])


def test_mixed_grey_images_become_64_and_rgb(data_dir):
    made = load(data_dir, "tiny_mixed")
    assert made.images.shape == (12, 64, 64, 3)
    assert np.all(made.images == made.images[..., :1])
    assert len({image.tobytes() for image in made.images}) == 12


def test_sixteen_bits_become_eight(data_dir):
    np.testing.assert_array_equal(load(data_dir, "tiny_deep").images, IMAGES)


def test_floats_are_refused(data_dir):
    with pytest.raises(ConfigError, match="1 channels of type float32, not"):
        load(data_dir, "tiny_floats")


@pytest.mark.parametrize(
    ("background", "expected"), [("white", 255), ("black", 0)]
)
def test_transparent_pixels_show_the_ground(data_dir, background, expected):
    rules = PixelRules(background)
    made = load(data_dir, "tiny_clear", rules=rules)
    assert np.all(made.images == expected)
    assert made.pixels == rules


def test_image_size_resizes(data_dir):
    assert load(data_dir, image_size=16).images.shape == (12, 16, 16, 3)


def test_unprepared_data_tells_how_to_prepare_it(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"python -m tools.prepare_data --dataset=cifar10 --data_dir=\S+$",
    ) as caught:
        load(str(tmp_path), "cifar10")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cifr10", {}, "--dataset=cifr10 is not known.*mean cifar10"),
        ("digit", {}, "mean digits"),
        ("no such/:name", {}, "--dataset=no such/:name cannot be opened"),
        ("tiny_square", {"split": "vla"}, "--split=vla.*test, train"),
        ("tiny_text", {}, "has no feature 'image'.*text"),
        ("tiny_square", {"max_images": -1}, "--max_images=-1"),
    ],
)
def test_bad_settings_are_explained_in_one_line(
    data_dir, name, options, message
):
    with pytest.raises(ConfigError, match=message) as caught:
        load(data_dir, name, **options)
    assert "\n" not in str(caught.value)


def test_memory_is_checked_before_reading(data_dir, monkeypatch):
    # As if its files were of a format that is read from first to last only.
    monkeypatch.setattr(tfds_source, "record_format", lambda builder: "")
    with pytest.raises(ConfigError, match="--crop=resized cuts from whole"):
        load(data_dir, "tiny_mixed", whole=True)
    monkeypatch.setattr(memory, "physical_memory", lambda: 1000)
    with pytest.raises(ConfigError, match="--max_images=1"):
        load(data_dir)
    with pytest.raises(ConfigError, match="download_and_prepare.*array_rec"):
        load(data_dir)
    assert len(load(data_dir, max_images=1).images) == 1


@pytest.mark.parametrize("name", ["tiny_records", "tiny_mixed"])
def test_records_stay_on_disk_where_memory_is_too_small(
    data_dir, monkeypatch, name
):
    options = {"with_labels": True, "max_images": 10}
    expected = load(data_dir, "tiny_mixed", **options)
    said = []
    monkeypatch.setattr(
        logging, "warning", lambda text, *args: said.append(text % args)
    )
    arrays = load(data_dir, name, **options)
    assert said == []
    monkeypatch.setattr(memory, "physical_memory", lambda: 1000)
    records = load(data_dir, name, **options)
    assert f"10 images of side 64 in {name}" in said[0]
    assert (type(arrays), type(records)) == (ArrayImages, RecordImages)
    for made in (arrays, records):
        np.testing.assert_array_equal(made.labels, LABELS[:10])
        assert made.class_names == ("x", "y", "z")
        assert (made.mean, made.std) == (expected.mean, expected.std)
        np.testing.assert_array_equal(made.read(np.arange(10)), expected.images)


def test_a_record_that_fails_is_told_in_one_sentence(data_dir, monkeypatch):
    monkeypatch.setattr(memory, "physical_memory", lambda: 1000)
    records = load(data_dir, "tiny_records")
    broken = dataclasses.replace(records, records={})
    with pytest.raises(ConfigError, match="tiny_records: record 3 ") as caught:
        broken.read(np.array([3]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file_format", [None, "array_record"])
def test_labels_that_nobody_has_named_are_classes_by_value(
    tmp_path, file_format
):
    days = [20210101, 7, 20210101, 9]
    label = (tfds.features.Scalar(np.int64), days)
    _store(tmp_path, "days", IMAGES[:4], (8, 8, 3), file_format, label)
    made = load(tmp_path, "days", with_labels=True)
    assert made.class_names == ("7", "9", "20210101")
    assert made.labels.tolist() == [2, 0, 2, 1]


@pytest.mark.parametrize(
    ("feature", "labels"),
    [
        (tfds.features.Scalar(np.float32), [0.2, 0.7]),
        (tfds.features.Text(), ["a", "b"]),
        (
            tfds.features.Sequence(tfds.features.ClassLabel(num_classes=3)),
            [[0]],
        ),
    ],
)
def test_labels_that_are_no_classes_are_refused(tmp_path, feature, labels):
    images = IMAGES[: len(labels)]
    _store(tmp_path, "odd", images, (8, 8, 3), label=(feature, labels))
    with pytest.raises(ConfigError, match="'label' is .* not one whole number"):
        load(tmp_path, "odd", with_labels=True)
