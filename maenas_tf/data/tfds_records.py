"""Images in tfds' records, read one by one."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data import decoding
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.labels import number_by_value
from maenas_tf.data.notes import recall
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.record_order import reading_order
from maenas_tf.data.resizing import resize_images, stretch
from maenas_tf.data.tfrecord_files import (
    Shard,
    TFRecordFiles,
    find_records,
)
from maenas_tf.data.windows import cut_window

ARRAY_RECORD, TFRECORD = "array_record", "tfrecord"
_LABEL = "label"


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class RecordImages(ImageSource):
    """Images in records, decoded when they are needed.

    Attributes:
        records: bytes of each record.
        order: the record of each image, int64 [N].
        parse: makes a record, a scalar string, an image as `to_square` takes
            it.
        size: side that they are decoded to, pixels.
    """

    records: Sequence[bytes]
    order: np.ndarray
    parse: Callable[[tf.Tensor], tf.Tensor]
    size: int

    @property
    def num_images(self):
        return len(self.order)

    @property
    def image_size(self):
        return self.size

    def fetch(self, index):
        image = self.parse(self.fetch_record(index))
        return to_square(image, self.size, self.pixels)

    def fetch_window(self, index, proposals):
        image = self.parse(self.fetch_record(index))
        return to_square(image, self.size, self.pixels, proposals)

    def fetch_record(self, index: tf.Tensor) -> tf.Tensor:
        """Returns a record, a scalar string, inside a `tf.data.Dataset`."""
        record = tf.numpy_function(
            self._read_record, [index], tf.string, stateful=False
        )
        return tf.ensure_shape(record, ())

    def _read_record(self, index: np.ndarray) -> bytes:
        try:
            return self.records[int(self.order[index])]
        # The reader raises what its C++ part tells it to.
        except Exception as error:
            failure = ConfigError(
                f"--dataset={self.name}: record {index} cannot be read any "
                f"more ({str(error).strip()!r}); prepare the data set again, "
                f"then give the same command, which goes on."
            )
            self.failures.append(failure)
            raise failure from error


def record_format(builder: Any) -> str:
    """Returns the format of a prepared set whose records are read singly.

    Args:
        builder: of tfds.

    Returns:
        "array_record" or "tfrecord"; empty where there is neither.
    """
    formats = {each.value for each in builder.info.available_file_formats()}
    if ARRAY_RECORD in formats:
        return ARRAY_RECORD
    own = builder.info.file_format
    return TFRECORD if own is not None and own.value == TFRECORD else ""


def only_array_records(builder: Any) -> bool:
    """Whether a prepared set has array_record as its one format."""
    formats = builder.info.available_file_formats()
    return {each.value for each in formats} == {ARRAY_RECORD}


def image_order(builder: Any, split: str) -> np.ndarray:
    """Lists the records of a split's images, int64 [N].

    In tfds' order of reading; that of array_record is that of the files.
    """
    instructions = builder.info.splits[split].file_instructions
    counts = [instruction.take for instruction in instructions]
    is_ordered = builder.info.disable_shuffling or only_array_records(builder)
    return reading_order(counts, is_ordered)


def open_records(
    builder: Any,
    split: str,
    count: int,
    size: int,
    with_labels: bool,
    facts: Mapping[str, Any],
) -> RecordImages:
    """Opens the records of a prepared data set.

    All of them are gone through once: those of TFRecord files for where they
    lie, those of array_record for their labels. No image is decoded.

    Args:
        builder: of tfds.
        split: of the data set.
        count: how many of its first images to use.
        size: side wanted, pixels.
        with_labels: whether to parse the labels.
        facts: what is known of the images.

    Returns:
        The images; their statistics are not measured yet.

    Raises:
        ConfigError: a file is damaged.
    """
    order = image_order(builder, split)[:count]
    image_only = selected(False, builder.info.features)
    features = image_only.extract_features(builder.info.features)

    def parse(record):
        decoders = image_only.decoders
        example = features.deserialize_example(record, decoders=decoders)
        return example["image"]

    integers = None
    if record_format(builder) == ARRAY_RECORD:
        records = _array_records(builder, split)
    else:
        label = _LABEL if with_labels else ""
        records, integers = _tfrecords(builder, split, label)
    made = RecordImages(
        records=records, order=order, parse=parse, size=size, **facts
    )
    if not with_labels:
        return made
    if integers is None:
        about = json.dumps([split, count, dict(made.fingerprint)])
        labels = recall("labels", about, lambda: _parsed(builder, made))
        labels = labels[_LABEL]
    else:
        labels = integers[order]
    names = made.class_names
    if not names:
        labels, names = number_by_value(labels)
    return dataclasses.replace(made, labels=labels, class_names=names)


def _array_records(builder: Any, split: str) -> Sequence[bytes]:
    import tensorflow_datasets as tfds

    return builder.as_data_source(
        split,
        deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES,
        file_format=ARRAY_RECORD,
    )


def _tfrecords(
    builder: Any, split: str, integer: str
) -> tuple[TFRecordFiles, np.ndarray]:
    shards = [
        Shard(str(part.filename), part.skip, part.take)
        for part in builder.info.splits[split].file_instructions
    ]

    def find():
        places, integers = find_records(shards, integer)
        return {"places": places, "integers": integers}

    try:
        about = [
            [os.path.basename(part.path), part.skip, part.take]
            + [os.path.getsize(part.path)]
            for part in shards
        ]
        found = recall("records", json.dumps([integer, about]), find)
        return TFRecordFiles(shards, found["places"]), found["integers"]
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--dataset={builder.info.name} cannot be read in its files: "
            f"{error}; prepare it again."
        ) from error


def _parsed(builder: Any, images: RecordImages) -> dict[str, np.ndarray]:
    """Returns the labels, for which all records are read."""
    import tensorflow_datasets as tfds

    parsed = tfds.decode.PartialDecoding({_LABEL: True}).extract_features(
        builder.info.features
    )
    dataset = tf.data.Dataset.range(images.num_images).map(
        lambda index: parsed.deserialize_example(images.fetch_record(index)),
        tf.data.AUTOTUNE,
        deterministic=True,
    )
    with images.failures_told():
        labels = [row[_LABEL] for row in dataset.as_numpy_iterator()]
    return {_LABEL: np.array(labels, np.int64)}


def selected(with_labels: bool, features: Any) -> Any:
    """Names what is parsed from records; all else is not read at all.

    What was stored as files stays files, so that they become the same pixels
    here as in a folder and in a server; tfds decodes what was stored as
    arrays, which lose nothing.

    Args:
        with_labels: whether the label is wanted.
        features: of the set.
    """
    import tensorflow_datasets as tfds

    names = ("image", _LABEL) if with_labels else ("image",)
    decoders = None
    if _holds_files(features["image"]):
        decoders = {"image": tfds.decode.SkipDecoding()}
    return tfds.decode.PartialDecoding(dict.fromkeys(names, True), decoders)


def _holds_files(image: Any) -> bool:
    """Whether a feature's images came from files of three bytes a pixel."""
    if image.dtype != np.uint8 or image.shape[-1] != 3:
        return False
    as_given = image.encoding_format is None and None in image.shape
    return as_given or image.encoding_format == "jpeg"


def to_square(
    image: tf.Tensor,
    size: int,
    rules: PixelRules,
    proposals: tf.Tensor | None = None,
) -> tf.Tensor:
    """Makes an image of any depth and size a square of three bytes a pixel.

    Args:
        image: pixels, uint8 or uint16 [H, W, C], or a file, string [].
        size: side wanted, pixels.
        rules: of the set.
        proposals: of `propose_windows`, for a part of it; None takes its
            centre.

    Returns:
        uint8 [size, size, 3].
    """
    if image.dtype == tf.string:
        return _decoded(image, size, rules, proposals)
    if image.dtype == tf.uint16:
        white = rules.integer_white or decoding.SIXTEEN_BITS
        image = decoding.to_bytes(image, white)
    image = decoding.to_rgb(image, rules.ground)
    if proposals is not None:
        return stretch(cut_window(image, proposals), size)
    if image.shape[:2] != (size, size):
        image = resize_images(image, size, rules.center_crop)
    return image


def _decoded(
    encoded: tf.Tensor,
    size: int,
    rules: PixelRules,
    proposals: tf.Tensor | None,
) -> tf.Tensor:
    def other():
        pixels = tf.io.decode_image(encoded, 3, expand_animations=False)
        pixels = tf.ensure_shape(pixels, (None, None, 3))
        return decoding.finish(pixels, 1, size, rules, proposals=proposals)

    square = tf.cond(
        decoding.is_known(encoded),
        lambda: decoding.decode(encoded, size, rules, proposals),
        other,
    )
    return tf.ensure_shape(square, (size, size, 3))
