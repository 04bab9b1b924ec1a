"""Images in tfds' records, read one by one."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.labels import number_by_value
from maenas_tf.data.notes import recall
from maenas_tf.data.record_order import reading_order
from maenas_tf.data.tfds_features import LABEL, selected, to_square
from maenas_tf.data.tfrecord_files import (
    Shard,
    TFRecordFiles,
    find_records,
)

ARRAY_RECORD, TFRECORD = "array_record", "tfrecord"
# More than can be on the way to be decoded.
_LATEST = 4096


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class RecordImages(ImageSource):
    """Images in records, decoded when they are needed.

    Attributes:
        records: bytes of each record.
        order: the record of each image, int64 [N].
        parse: makes a record, a scalar string, an image as `to_square` takes
            it.
        size: side that they are decoded to, pixels.
        latest: numbers of the images that were read last.
    """

    records: Sequence[bytes]
    order: np.ndarray
    parse: Callable[[tf.Tensor], tf.Tensor]
    size: int
    latest: collections.deque[int] = dataclasses.field(
        default_factory=lambda: collections.deque(maxlen=_LATEST), repr=False
    )

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

    @contextlib.contextmanager
    def failures_told(self):
        try:
            with super().failures_told():
                yield
        except tf.errors.OpError as error:
            # A graph does not tell which image it could not decode.
            broken = self._first_broken()
            if broken is None:
                raise
            raise ConfigError(
                f"--dataset={self.name}: the image in record {broken} cannot "
                f"be decoded ({error.message.splitlines()[0]}); prepare the "
                f"data set again without it."
            ) from error

    def _first_broken(self) -> int | None:
        """Returns the number of an image read lately that is broken."""
        for index in sorted(set(self.latest)):
            record = tf.constant(self.records[int(self.order[index])])
            try:
                to_square(self.parse(record), self.size, self.pixels)
            except tf.errors.OpError:
                return index
        return None

    def _read_record(self, index: np.ndarray) -> bytes:
        self.latest.append(int(index))
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
        label = LABEL if with_labels else ""
        records, integers = _tfrecords(builder, split, label)
    made = RecordImages(
        records=records, order=order, parse=parse, size=size, **facts
    )
    if not with_labels:
        return made
    if integers is None:
        about = json.dumps([split, count, dict(made.fingerprint)])
        labels = recall("labels", about, lambda: _parsed(builder, made))
        labels = labels[LABEL]
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

    parsed = tfds.decode.PartialDecoding({LABEL: True}).extract_features(
        builder.info.features
    )
    dataset = tf.data.Dataset.range(images.num_images).map(
        lambda index: parsed.deserialize_example(images.fetch_record(index)),
        tf.data.AUTOTUNE,
        deterministic=True,
    )
    with images.failures_told():
        labels = [row[LABEL] for row in dataset.as_numpy_iterator()]
    return {LABEL: np.array(labels, np.int64)}
