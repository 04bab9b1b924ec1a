"""Tests of `maenas_tf.detection.tfds_boxes`, on stand-ins of tfds' builders."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from maenas_tf.config import ConfigError
from maenas_tf.data import memory
from maenas_tf.data.pixel_rules import NEW_RULES
from maenas_tf.data.tfds_builder import make_builder, no_cloud_probe
from maenas_tf.detection.letterbox import LetterboxRecords
from maenas_tf.detection.tfds_boxes import load_tfds_boxes
from tests.data.stand_ins import photograph

SIZES = ((60, 80), (90, 60), (64, 64))
# Upper, left, lower and right side as parts of the image, as tfds has them.
BOX = (0.25, 0.5, 0.75, 1.0)
# What else the two sets tell of an image.
OTHERS = {
    "image/filename": "x.jpg",
    "image/id": 1,
    "labels": [3],
    "labels_no_difficult": [3],
}


def prepare(data_dir, name):
    """Prepares six images of none, one or two boxes."""
    with no_cloud_probe():
        builder = make_builder(name, str(data_dir))
        features = builder.info.features
        rows = []
        for number in range(6):
            objects = [
                {"bbox": tfds.features.BBox(*BOX), "label": 3 + k}
                for k in range(number % 3)
            ]
            for k, each in enumerate(objects):
                if "is_crowd" in features["objects"].feature:
                    each |= {"is_crowd": k == 1, "area": 1, "id": k}
                else:
                    each |= {"is_difficult": False, "is_truncated": False}
                    each["pose"] = 0
            others = {k: v for k, v in OTHERS.items() if k in features}
            row = {"image": photograph(number, *SIZES[number % 3])}
            rows.append((number, {**row, "objects": objects, **others}))
        tfds.dataset_builders.store_as_tfds_dataset(
            name=name.split("/")[0],
            config=name.split("/")[1],
            version=str(builder.version),
            features=features,
            split_datasets={"train": rows},
            data_dir=str(data_dir),
            disable_shuffling=True,
        )


def load(data_dir, name, **options):
    options = {"max_images": 0, "image_size": 32, **options}
    return load_tfds_boxes(
        name, str(data_dir), "train", rules=NEW_RULES, **options
    )


@pytest.mark.parametrize(
    ("name", "num_classes", "num_boxes"),
    [("voc/2007", 20, 6), ("coco/2017", 80, 4)],
)
def test_boxes_are_read_in_pixels_of_the_squares(
    name, num_classes, num_boxes, tmp_path
):
    prepare(tmp_path, name)
    found = load(tmp_path, name)
    assert len(found.class_names) == num_classes
    assert found.images.num_images == 6
    # A crowd of coco is no box.
    assert found.num_boxes == num_boxes
    assert found.num_dropped == 6 - num_boxes
    assert found.num_without == 2
    assert set(found.classes[found.classes >= 0]) <= {3, 4}
    # 90 x 60 becomes 32 x 21; 64 x 64 becomes 32 x 32.
    for image, right in ((1, 21), (2, 32), (4, 21), (5, 32)):
        for box in found.boxes[image][found.classes[image] >= 0]:
            np.testing.assert_allclose(box, (right / 2, 8, right, 24))


def test_images_in_memory_and_in_records_are_the_same(tmp_path, monkeypatch):
    prepare(tmp_path, "voc/2007")
    held = load(tmp_path, "voc/2007")
    monkeypatch.setattr(memory, "physical_memory", lambda: 1000)
    records = load(tmp_path, "voc/2007")
    assert isinstance(records.images, LetterboxRecords)
    everything = np.arange(6)
    np.testing.assert_array_equal(
        records.images.read(everything), held.images.read(everything)
    )
    np.testing.assert_array_equal(records.boxes, held.boxes)
    assert not held.identity("").changes(records.identity(""))


def test_a_set_without_boxes_is_refused_with_what_it_has(tmp_path):
    with no_cloud_probe():
        tfds.dataset_builders.store_as_tfds_dataset(
            name="plain",
            version="1.0.0",
            features=tfds.features.FeaturesDict(
                {"image": tfds.features.Image(), "label": tf.int64}
            ),
            split_datasets={
                "train": [(0, {"image": photograph(0, 20, 20), "label": 1})]
            },
            data_dir=str(tmp_path),
            disable_shuffling=True,
        )
    with pytest.raises(ConfigError, match="has no bbox, label as data sets"):
        load(tmp_path, "plain")


def test_what_is_not_prepared_is_told_how_to_be(tmp_path):
    with pytest.raises(ConfigError, match=r"tools\.prepare_data --dataset=voc"):
        load(tmp_path, "voc/2012")
