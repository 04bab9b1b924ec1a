"""Boxes in prepared TensorFlow Datasets, as voc/2007 and coco/2017 have them.

Their form: a feature "image", and a sequence "objects" of "bbox" and "label";
where it has "is_crowd", boxes around a crowd are left out.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data.array_images import make_array_images
from maenas_tf.data.image_source import with_statistics
from maenas_tf.data.memory import fits_memory, say_decoded_on_demand
from maenas_tf.data.notes import recall
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.tfds_builder import make_builder, quiet
from maenas_tf.data.tfds_records import (
    ARRAY_RECORD,
    open_records,
    record_format,
)
from maenas_tf.data.tfds_source import count_examples, fingerprint_of, prepared
from maenas_tf.data.tracking import track
from maenas_tf.detection.boxed_images import (
    Annotations,
    BoxedImages,
    fit_boxes,
)
from maenas_tf.detection.letterbox import LetterboxRecords, whole_record

OBJECTS = "objects"
_CROWD = "is_crowd"


def load_tfds_boxes(
    name: str,
    data_dir: str,
    split: str,
    *,
    max_images: int,
    image_size: int,
    rules: PixelRules,
) -> BoxedImages:
    """Opens a prepared tfds data set that has boxes.

    All records are gone through once for the boxes. Images that take more
    than their share of the memory stay in their records.

    Args:
        name: of the data set, as "voc/2007".
        data_dir: where it was prepared; empty means tfds' own default.
        split: a tfds split.
        max_images: use the first so many, in tfds' order; 0 uses all.
        image_size: side of the squares that they are fitted into, pixels.
        rules: how pixels become bytes.

    Raises:
        ConfigError: it is not prepared, has no such features or split, or
            its records cannot be read one by one.
    """
    with quiet():
        builder = prepared(make_builder(name, data_dir), name, data_dir)
        features = builder.info.features
        _check_features(name, features)
        available = count_examples(builder, name, split)
        count = min(available, max_images or available)
        if not record_format(builder):
            raise ConfigError(
                f"--dataset={name} is in files that can be read from first to "
                f"last only; prepare it so that its images can be read one by "
                f"one, in Python: tfds.builder('{builder.info.full_name}', "
                f"data_dir=...).download_and_prepare(file_format="
                f"'{ARRAY_RECORD}')."
            )
        facts = {
            "name": name,
            "fingerprint": fingerprint_of(builder, split),
            "pixels": rules,
        }
        opened = open_records(builder, split, count, image_size, False, facts)
    images = LetterboxRecords(
        **{
            field.name: getattr(opened, field.name)
            for field in dataclasses.fields(opened)
        }
    )
    key = json.dumps([split, count, dict(images.fingerprint)])
    found = recall("boxes", key, lambda: _read_boxes(features, images))
    if fits_memory(count, image_size):
        pixels = images.read(np.arange(count))
        images = make_array_images(pixels, **facts)
    else:
        say_decoded_on_demand(count, image_size, name)
        images = with_statistics(images)
    return fit_boxes(
        images,
        Annotations(
            found["owners"],
            found["boxes"],
            found["classes"],
            found["sides"],
            int(found["num_crowds"]),
        ),
        tuple(features[OBJECTS]["label"].names),
        f"--dataset={name}",
    )


def _check_features(name: str, features: Any) -> None:
    inner = _parts(features)
    has = {"image"} & set(features) | {"bbox", "label"} & set(inner)
    missing = sorted({"image", "bbox", "label"} - has)
    if missing:
        raise ConfigError(
            f"--dataset={name} has no {', '.join(missing)} as data sets of "
            f"boxes have it (image, and objects with bbox and label); it has "
            f"{', '.join(features)}: choose another, as voc/2007."
        )


def _parts(features: Any) -> set[str]:
    """Returns the names of what each object of an example has."""
    objects = features[OBJECTS] if OBJECTS in features else None
    parts = getattr(objects, "feature", None)
    return set(parts) if hasattr(parts, "keys") else set()


def _read_boxes(
    features: Any, images: LetterboxRecords
) -> dict[str, np.ndarray]:
    """Goes through all records once for their boxes and their sides."""
    import tensorflow_datasets as tfds

    wanted = {"bbox": True, "label": True}
    if _CROWD in _parts(features):
        wanted[_CROWD] = True
    decoders = tfds.decode.PartialDecoding({OBJECTS: wanted})
    parsed = decoders.extract_features(features)

    def read(index):
        record = images.fetch_record(index)
        objects = parsed.deserialize_example(record)[OBJECTS]
        image = images.parse(record)
        crowd = objects.get(_CROWD, tf.zeros_like(objects["label"], tf.bool))
        return (
            tf.cast(objects["bbox"], tf.float64),
            tf.cast(objects["label"], tf.int64),
            crowd,
            _sides(image, images.pixels),
        )

    count = images.num_images
    dataset = tf.data.Dataset.range(count).map(
        read, tf.data.AUTOTUNE, deterministic=True
    )
    owners, boxes, classes, sides, num_crowds = [], [], [], [], 0
    with images.failures_told():
        rows = track(
            dataset.as_numpy_iterator(), count, "reading boxes", "image"
        )
        for place, (relative, labels, crowd, (height, width)) in enumerate(
            rows
        ):
            kept = ~crowd & (labels >= 0)
            num_crowds += int(np.sum(~kept))
            upper, left, lower, right = relative[kept].T
            boxes.append(
                np.stack([left, upper, right, lower], axis=1)
                * (width, height, width, height)
            )
            owners.append(np.full(int(kept.sum()), place, np.int64))
            classes.append(labels[kept])
            sides.append((height, width))
    return {
        "owners": np.concatenate(owners),
        "boxes": np.concatenate(boxes),
        "classes": np.concatenate(classes),
        "sides": np.array(sides, np.int64),
        "num_crowds": np.array(num_crowds),
    }


def _sides(image: tf.Tensor, rules: PixelRules) -> tf.Tensor:
    """Returns height and width of a record's image, int32 [2]."""
    if image.dtype != tf.string:
        return tf.shape(image)[:2]
    return tf.cond(
        tf.equal(tf.strings.substr(image, 0, 3), b"\xff\xd8\xff"),
        lambda: tf.io.extract_jpeg_shape(image)[:2],
        lambda: tf.shape(whole_record(image, rules))[:2],
    )
