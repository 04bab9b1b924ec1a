"""Tests of `maenas_tf.runs.csv_files`."""

import pytest

from maenas_tf.runs.csv_files import csv_text, read_rows, table_text


def test_what_is_written_is_read_as_texts(tmp_path):
    rows = [{"name": 'a "b",\nc', "loss": 0.5}, {"name": "d", "more": 1}]
    (tmp_path / "a.csv").write_text(csv_text(rows))
    assert read_rows(tmp_path / "a.csv") == [
        {"name": 'a "b",\nc', "loss": "0.5", "more": ""},
        {"name": "d", "loss": "", "more": "1"},
    ]


def test_a_table_has_a_line_of_heads_and_one_for_each_row():
    assert table_text(["a", "b"], [(1, 2), ("x,y", "")]) == (
        'a,b\n1,2\n"x,y",\n'
    )


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\n" + b"x" * 140_000])
def test_what_is_no_csv_file_is_a_value_error(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match="decode|limit"):
        read_rows(tmp_path / "a.csv")
