"""Tests of `maenas_tf.runs.atomic`."""

import os

import pytest

from maenas_tf.runs.atomic import replacing, write_text


def test_folders_are_made_and_nothing_is_left_beside_the_file(tmp_path):
    file = tmp_path / "plots" / "a.txt"
    write_text(file, "\N{MIDDLE DOT}")
    assert file.read_bytes() == b"\xc2\xb7"
    assert list(file.parent.iterdir()) == [file]


def test_the_bytes_of_a_name_that_is_no_text_are_kept(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    write_text(tmp_path / name, name)
    assert (tmp_path / name).read_bytes() == b"caf\xe9"


def test_a_file_is_replaced_at_once_or_not_at_all(tmp_path, monkeypatch):
    write_text(tmp_path / "a.txt", "old")

    def fail(*arguments):
        raise OSError("the process died here")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="died"):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    monkeypatch.undo()
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


def fail_after(file, written):
    """Writes so much and meets an error."""
    with replacing(file) as temporary:
        if written:
            temporary.write_text(written)
        raise OSError("disk full")


@pytest.mark.parametrize("written", ["", "half"])
def test_an_error_leaves_no_temporary_file(tmp_path, written):
    file = tmp_path / "a.txt"
    write_text(file, "old")
    with pytest.raises(OSError, match="disk full"):
        fail_after(file, written)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device")
def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path):
    file = tmp_path / "a.txt"
    write_text(file, "old")
    # What is written beside the file goes to a device without room.
    (tmp_path / ".new.a.txt").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        write_text(file, "new")
    assert caught.value.filename == str(file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
