"""Tests of ImageNet and CIFAR-100, on stand-ins of tfds' own builders."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from maenas_tf.config import ConfigError
from maenas_tf.data import memory, pipeline
from maenas_tf.data.array_images import ArrayImages
from maenas_tf.data.augment import ResizedCropAndFlip
from maenas_tf.data.image_file import read_image
from maenas_tf.data.labelled import evaluation_dataset, training_dataset
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.sources import load_images
from maenas_tf.data.tfds_records import RecordImages
from tests.data import stand_ins

COUNT, SIZE = 50, 48
RULES = PixelRules(center_crop=0.875)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Data directory of each format; three files of 16 or 17 images."""
    folders = {}
    for form in ("tfrecord", "array_record"):
        folders[form] = str(tmp_path_factory.mktemp(form))
        stand_ins.prepare(folders[form], "imagenet2012", COUNT, form)
    return folders


def load(data_dir, **options):
    options = {"image_size": SIZE, "with_labels": True, **options}
    return load_images(
        "imagenet2012", data_dir=data_dir, rules=RULES, **options
    )


@pytest.fixture(scope="module")
def records(prepared):
    return load(prepared["tfrecord"], whole=True)


def test_memory_and_records_have_the_same_images_in_one_order(
    prepared, monkeypatch
):
    for split in ("train", "train[10:45]"):
        held = load(prepared["tfrecord"], split=split)
        monkeypatch.setattr(memory, "physical_memory", lambda: 1000)
        records = load(prepared["tfrecord"], split=split)
        monkeypatch.undo()
        assert (type(held), type(records)) == (ArrayImages, RecordImages)
        np.testing.assert_array_equal(records.labels, held.labels)
        everything = np.arange(held.num_images)
        np.testing.assert_array_equal(records.read(everything), held.images)


def test_files_read_in_another_order_are_other_data(prepared):
    several, other = (
        load(prepared[form], whole=True)
        for form in ("tfrecord", "array_record")
    )
    assert sorted(several.labels) == sorted(other.labels)
    assert several.labels.tolist() != other.labels.tolist()
    changes = other.identity("train").changes(several.identity("train"))
    assert "another order" in changes


def test_everything_is_known_without_decoding(records):
    assert records.num_images == COUNT
    assert records.num_classes == 1000
    assert records.class_names[0] == "n01440764"
    assert records.mean == (0.485, 0.456, 0.406)
    assert set(records.labels) == {7 * n % 1000 for n in range(COUNT)}


def test_the_centre_is_the_pixels_that_a_file_of_the_image_has(
    records, tmp_path
):
    found = records.read(np.arange(4))
    for number in range(4):
        record = records.records[int(records.order[number])]
        example = tf.train.Example.FromString(record)
        encoded = example.features.feature["image"].bytes_list.value[0]
        assert Image.open(io.BytesIO(encoded)).size[0] >= 300
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(encoded)
        expected = read_image(path, SIZE, RULES)
        np.testing.assert_array_equal(found[number], expected)


def batches(images, **options):
    dataset = training_dataset(
        images,
        np.arange(COUNT),
        batch_size=7,
        seed=3,
        epoch=1,
        augmentation=ResizedCropAndFlip(color_jitter=(0.4, 0.4, 0.4, 0.2)),
        **options,
    )
    return list(dataset.as_numpy_iterator())


def assert_same(found, expected):
    assert len(found) == len(expected) > 0
    tf.nest.map_structure(np.testing.assert_array_equal, found, expected)


def test_batches_are_the_same_however_many_are_made_at_a_time(
    records, monkeypatch
):
    expected = batches(records)
    for count in (1, 5):
        monkeypatch.setattr(pipeline, "AT_A_TIME", count)
        assert_same(batches(records), expected)


def test_a_training_goes_on_in_the_middle_of_an_epoch(prepared, records):
    opened_again = load(prepared["tfrecord"], whole=True)
    assert_same(batches(opened_again, start_step=4), batches(records)[4:])


def test_windows_are_cut_from_the_whole_image(records):
    # The corner of an image is in some window, and in no centre.
    proposals = tf.constant([[0.01, 1.0, 0.0, 0.0]] * 10)
    corner = records.fetch_window(tf.constant(0), proposals).numpy()
    record = records.records[int(records.order[0])]
    example = tf.train.Example.FromString(record)
    encoded = example.features.feature["image"].bytes_list.value[0]
    whole = tf.io.decode_jpeg(encoded).numpy()
    side = round(np.sqrt(whole.shape[0] * whole.shape[1] / 100))
    expected = whole[:side, :side].mean((0, 1))
    assert np.abs(corner.mean((0, 1)) - expected).max() < 3


def test_evaluation_shows_the_centre(records):
    (batch,) = evaluation_dataset(records, 5, np.arange(5)).as_numpy_iterator()
    pixels = records.read(np.arange(5)) / 255
    expected = (pixels - records.mean) / records.std
    np.testing.assert_allclose(batch["image"], expected, atol=1e-5)


def test_cifar100_is_held_in_memory_and_cut_there(tmp_path):
    labels = stand_ins.prepare(
        tmp_path, "cifar100", 30, num_shards=1, sizes=((32, 32),)
    )
    made = load_images(
        "cifar100", data_dir=str(tmp_path), with_labels=True, whole=True
    )
    assert type(made) is ArrayImages
    assert made.images.shape == (30, 32, 32, 3)
    assert made.num_classes == 100
    assert made.mean == (0.5071, 0.4865, 0.4409)
    assert sorted(made.labels) == sorted(labels)
    part = made.fetch_window(
        tf.constant(2), tf.constant([[1.0, 1.0, 0.0, 0.0]] * 10)
    )
    np.testing.assert_array_equal(part, made.images[2])


def test_a_damaged_file_is_told_in_one_sentence(tmp_path):
    stand_ins.prepare(tmp_path, "imagenet2012", 3, num_shards=1)
    (path,) = tmp_path.glob("imagenet2012/*/*.tfrecord*")
    with open(path, "rb+") as file:
        file.truncate(path.stat().st_size - 100)
    with pytest.raises(ConfigError, match="ends before.*prepare it again"):
        load(str(tmp_path), whole=True)


def test_an_image_that_cannot_be_decoded_is_named_with_its_record():
    picture = tf.io.encode_jpeg(np.zeros((20, 20, 3), np.uint8)).numpy()
    images = RecordImages(
        records=[picture, b"\xff\xd8\xff and no more", picture],
        order=np.array([2, 1, 0]),
        parse=lambda record: record,
        size=16,
        name="imagenet2012",
    )
    assert images.read(np.array([0, 2])).shape == (2, 16, 16, 3)
    with pytest.raises(
        ConfigError, match="imagenet2012: the image in record 1 cannot be dec"
    ):
        images.read(np.arange(3))
