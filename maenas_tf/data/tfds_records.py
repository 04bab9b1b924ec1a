"""Images in tfds' records, read one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data import decoding
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.labels import number_by_value
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.resizing import resize_images

RANDOM_ACCESS = "array_record"


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class RecordImages(ImageSource):
    """Images in records, which TensorFlow decodes as it does all of tfds.

    Attributes:
        records: bytes of each image's record.
        decode: makes a record, a scalar string, an image.
        count: how many of the first records are used.
        size: side that they are decoded to, pixels.
    """

    records: Sequence[bytes]
    decode: Callable[[tf.Tensor], tf.Tensor]
    count: int
    size: int

    @property
    def num_images(self):
        return self.count

    @property
    def image_size(self):
        return self.size

    def fetch(self, index):
        return self.decode(self.fetch_record(index))

    def fetch_record(self, index: tf.Tensor) -> tf.Tensor:
        """Returns a record, a scalar string, inside a `tf.data.Dataset`."""
        record = tf.numpy_function(
            self._read_record, [index], tf.string, stateful=False
        )
        return tf.ensure_shape(record, ())

    def _read_record(self, index: np.ndarray) -> bytes:
        try:
            return self.records[int(index)]
        # The reader raises what its C++ part tells it to.
        except Exception as error:
            failure = ConfigError(
                f"--dataset={self.name}: record {index} cannot be read any "
                f"more ({str(error).strip()!r}); prepare the data set again, "
                f"then give the same command, which goes on."
            )
            self.failures.append(failure)
            raise failure from error


def open_records(
    builder: Any,
    split: str,
    count: int,
    size: int,
    with_labels: bool,
    facts: Mapping[str, Any],
) -> RecordImages:
    """Opens the records of a prepared data set of format array_record.

    All of them are gone through once for the labels, no image is decoded.

    Args:
        builder: of tfds.
        split: of the data set.
        count: how many of its first images to use.
        size: side wanted, pixels.
        with_labels: whether to parse the labels.
        facts: what is known of the images.

    Returns:
        The images; their statistics are not measured yet.
    """
    import tensorflow_datasets as tfds

    source = builder.as_data_source(
        split,
        deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES,
        file_format=RANDOM_ACCESS,
    )
    images = selected(False).extract_features(builder.info.features)

    def decode(record):
        image = images.deserialize_example(record)["image"]
        return to_rgb(image, size, facts["pixels"])

    made = RecordImages(
        records=source, decode=decode, count=count, size=size, **facts
    )
    if not with_labels:
        return made
    parsed = tfds.decode.PartialDecoding({"label": True}).extract_features(
        builder.info.features
    )
    dataset = tf.data.Dataset.range(count).map(
        lambda index: parsed.deserialize_example(made.fetch_record(index)),
        tf.data.AUTOTUNE,
        deterministic=True,
    )
    with made.failures_told():
        labels = np.fromiter(
            (row["label"] for row in dataset.as_numpy_iterator()), np.int64
        )
    names = made.class_names
    if not names:
        labels, names = number_by_value(labels)
    return dataclasses.replace(made, labels=labels, class_names=names)


def selected(with_labels: bool) -> Any:
    """Names what is parsed from records; all else is not read at all."""
    import tensorflow_datasets as tfds

    names = ("image", "label") if with_labels else ("image",)
    return tfds.decode.PartialDecoding(dict.fromkeys(names, True))


def to_rgb(image: tf.Tensor, size: int, rules: PixelRules) -> tf.Tensor:
    """Makes a decoded image, of any depth and size, three bytes a pixel."""
    if image.dtype == tf.uint16:
        white = rules.integer_white or decoding.SIXTEEN_BITS
        image = decoding.to_bytes(image, white)
    image = decoding.to_rgb(image, rules.ground)
    if image.shape[:2] != (size, size):
        image = resize_images(image, size)
    return image
