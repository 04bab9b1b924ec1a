"""Tests of `maenas_tf.data.tfrecord_files` and `example_fields`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.data.tfrecord_files import (
    Shard,
    TFRecordFiles,
    find_records,
)

INT64_MIN = -(2**63)


def example(label, size=10, first="image"):
    """An example with a label and bytes before and behind it."""
    features = {
        first: tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[b"\x0a" * size])
        ),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        "labels": tf.train.Feature(int64_list=tf.train.Int64List(value=[5, 6])),
        "z": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"label"])),
    }
    return tf.train.Example(
        features=tf.train.Features(feature=features)
    ).SerializeToString()


def write(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return str(path)


LABELS = [0, 1, 127, 128, 999, -1, 2**40, INT64_MIN]


def read(*shards):
    """Returns all records of some shards."""
    return list(TFRecordFiles(shards, find_records(shards)[0]))


@pytest.fixture
def files(tmp_path):
    """Two files, and the records in them."""
    rows = [
        [example(value, 10 ** (n % 6)) for n, value in enumerate(LABELS)],
        [example(n, 600, "a") for n in range(5)],
    ]
    paths = [write(tmp_path / str(n), row) for n, row in enumerate(rows)]
    return paths, rows


def test_records_are_those_that_tensorflow_reads(files):
    paths, rows = files
    found = read(Shard(paths[0], 0, 8), Shard(paths[1], 0, 5))
    expected = list(tf.data.TFRecordDataset(paths).as_numpy_iterator())
    assert found == expected == rows[0] + rows[1]


def test_numbers_are_found_without_reading_what_is_large(files):
    paths, _ = files
    shards = [Shard(paths[0], 0, 8), Shard(paths[1], 0, 5)]
    _, numbers = find_records(shards, "label")
    assert numbers.tolist() == [*LABELS, 0, 1, 2, 3, 4]


def test_a_shard_may_be_a_part_of_its_file(files):
    paths, rows = files
    found = read(Shard(paths[0], 2, 3), Shard(paths[1], 4, 1))
    assert found == rows[0][2:5] + rows[1][4:]
    assert read() == []


def test_a_file_that_ends_early_is_refused(files):
    paths, _ = files
    with pytest.raises(ValueError, match="ends before its record 5"):
        find_records([Shard(paths[1], 0, 6)])
    with open(paths[1], "rb+") as file:
        file.truncate(2000)
    with pytest.raises(ValueError, match="ends before its record"):
        find_records([Shard(paths[1], 0, 5)])


def test_a_file_that_has_been_cut_later_is_refused(files):
    paths, _ = files
    shards = [Shard(paths[1], 0, 5)]
    made = TFRecordFiles(shards, find_records(shards)[0])
    with open(paths[1], "rb+") as file:
        file.truncate(50)
    with pytest.raises(ValueError, match="has become shorter"):
        made[0]


@pytest.mark.parametrize(
    "record",
    [b"", b"\xff" * 30, b"no example", np.arange(99, dtype="u1").tobytes()],
)
def test_what_is_no_example_has_no_number(tmp_path, record):
    path = write(tmp_path / "a", [record])
    with pytest.raises(ValueError, match=r"label|no tf\.train\.Example"):
        find_records([Shard(path, 0, 1)], "label")


def test_a_feature_of_another_name_or_kind_is_none(tmp_path):
    path = write(tmp_path / "a", [example(3)])
    for name in ("lab", "z", "image"):
        with pytest.raises(ValueError, match=f"called '{name}'"):
            find_records([Shard(path, 0, 1)], name)
