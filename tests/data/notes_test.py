"""Tests of `maenas_tf.data.notes`: what is found out once of images."""

import numpy as np
import pytest

from maenas_tf.data import (
    channel_statistics,
    image_folder,
    image_source,
    memory,
    tfds_records,
)
from maenas_tf.data.notes import Notes, noted_in, recall
from maenas_tf.data.sources import load_images
from tests.data import pictures, stand_ins


def test_what_is_noted_is_not_found_again():
    notes, calls = Notes(), []

    def find():
        calls.append(1)
        return {"numbers": np.arange(3)}

    with noted_in(notes):
        for _ in range(2):
            found = recall("name", "key", find)
            np.testing.assert_array_equal(found["numbers"], np.arange(3))
        assert len(calls) == 1
        recall("name", "another key", find)
        assert len(calls) == 2
        recall("another name", "key", find)
    assert len(calls) == 3
    assert sorted(notes.arrays) == [
        "another name/key",
        "another name/numbers",
        "name/key",
        "name/numbers",
    ]
    assert notes.changed
    assert not Notes(notes.arrays).changed


def test_nothing_is_noted_where_nobody_keeps_it():
    for number in range(2):
        found = recall("name", "key", lambda n=number: {"n": np.array(n)})
        assert found["n"] == number


@pytest.fixture
def on_demand(monkeypatch):
    monkeypatch.setattr(memory, "physical_memory", lambda: 1000)


def refuse(*_, **__):
    raise AssertionError("It was found out before.")


def test_files_of_a_run_that_goes_on_are_not_looked_at_again(
    tmp_path, on_demand, monkeypatch
):
    pictures.write_all(tmp_path)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    options = {"data_dir": str(tmp_path), "image_size": 8}
    notes = Notes()
    with noted_in(notes):
        first = load_images("folder", with_labels=False, **options)
    assert first.num_skipped == 1
    for module, name in (
        (image_folder, "check_files"),
        (image_folder, "warn_of_plain"),
        (image_source, "measure_statistics"),
    ):
        monkeypatch.setattr(module, name, refuse)
    with noted_in(Notes(notes.arrays)):
        again = load_images("folder", with_labels=False, **options)
    assert again.paths == first.paths
    assert (again.mean, again.std) == (first.mean, first.std)
    assert again.num_skipped == 1
    (tmp_path / "new.png").write_bytes(b"another file")
    with (
        noted_in(Notes(notes.arrays)),
        pytest.raises(AssertionError, match="found out before"),
    ):
        load_images("folder", with_labels=False, **options)


@pytest.mark.parametrize(
    ("file_format", "name"),
    [("tfrecord", "find_records"), ("array_record", "_parsed")],
)
def test_records_and_labels_are_found_once(
    tmp_path, on_demand, monkeypatch, file_format, name
):
    stand_ins.prepare(tmp_path, "cifar100", 20, file_format, sizes=((32, 32),))
    notes = Notes()

    def load(arrays):
        with noted_in(arrays):
            return load_images(
                "cifar100", data_dir=str(tmp_path), with_labels=True
            )

    first = load(notes)
    monkeypatch.setattr(tfds_records, name, refuse)
    again = load(Notes(notes.arrays))
    np.testing.assert_array_equal(again.labels, first.labels)
    everything = np.arange(20)
    np.testing.assert_array_equal(
        again.read(everything), first.read(everything)
    )
    assert channel_statistics.known_statistics("cifar100")[0] == again.mean
