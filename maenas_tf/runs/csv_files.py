"""Tables as CSV files: the one writer and the one reader."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO


def write_table(
    file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Writes a line of heads and a line for each row, as they come."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def table_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Returns the text of a CSV file."""
    text = io.StringIO()
    write_table(text, columns, rows)
    return text.getvalue()


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns the text of a CSV file of rows that name their columns.

    What a row does not name is left empty.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return table_text(
        columns, ([row.get(name, "") for name in columns] for row in rows)
    )


def read_rows(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """Returns the rows of a CSV file, column to text.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no CSV file.
    """
    with open(path, newline="", encoding="utf-8") as file:
        try:
            return list(csv.DictReader(file))
        except csv.Error as error:
            raise ValueError(str(error)) from error
