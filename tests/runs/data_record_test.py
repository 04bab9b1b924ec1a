"""Tests of `maenas_tf.runs.data_record`."""

import dataclasses

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.data.identity import DataIdentity
from maenas_tf.data.notes import Notes
from maenas_tf.runs.data_record import (
    check_data,
    read_data,
    read_notes,
    record_data,
    write_notes,
)

IDENTITY = DataIdentity("folder", "train", 9, 64, ("a", "böse\nKuh"))
FEWER = dataclasses.replace(IDENTITY, num_images=7)


@pytest.fixture
def run(tmp_path):
    """A run directory that knows its images."""
    record_data(tmp_path, IDENTITY, begins=True)
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_a_run_goes_on_with_the_same_images(run):
    check_data(run, read_data(run))
    assert read_data(run) == IDENTITY


def test_other_images_are_refused_with_what_changed_and_what_to_do(run):
    with pytest.raises(ConfigError) as caught:
        check_data(run, FEWER)
    assert str(caught.value) == (
        f"--run_dir={run} holds a run on other images: 2 images were removed "
        f"(7 now, 9 then); give the images as they were then, or another "
        f"directory to start anew."
    )


def test_a_record_that_is_there_stays_while_a_run_goes_on(run):
    record_data(run, FEWER, begins=False)
    assert read_data(run) == IDENTITY


def test_a_run_of_before_there_was_a_record_is_given_one(run):
    (run / "data.json").unlink()
    check_data(run, FEWER)
    record_data(run, FEWER, begins=False)
    assert read_data(run) == FEWER


def test_a_record_without_a_run_is_written_anew(run):
    # Killed between data.json and config.json.
    (run / "config.json").unlink()
    check_data(run, FEWER)
    record_data(run, FEWER, begins=True)
    assert read_data(run) == FEWER


@pytest.mark.parametrize("text", ["", "[]", '{"name": "folder"}', "\x00"])
def test_a_record_that_cannot_be_read_is_one_sentence(run, text):
    (run / "data.json").write_text(text)
    with pytest.raises(ConfigError, match=r"data.json that cannot be read"):
        check_data(run, IDENTITY)


def test_notes_are_kept_with_the_run_and_damaged_ones_are_none(tmp_path):
    assert read_notes(tmp_path).arrays == {}
    write_notes(tmp_path, Notes())
    assert not (tmp_path / "images.npz").exists()
    notes = Notes()
    notes.recall("name", "key", lambda: {"numbers": np.arange(3)})
    write_notes(tmp_path, notes)
    again = read_notes(tmp_path)
    assert not again.changed
    found = again.recall("name", "key", lambda: {})
    np.testing.assert_array_equal(found["numbers"], np.arange(3))
    whole = (tmp_path / "images.npz").read_bytes()
    for damaged in (b"", whole[:100], b"no archive", whole[:-30]):
        (tmp_path / "images.npz").write_bytes(damaged)
        assert read_notes(tmp_path).arrays == {}
