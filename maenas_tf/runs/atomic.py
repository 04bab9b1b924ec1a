"""Files that are written at once or not at all.

Every file is written beside its place and moved there, so that a reader, or
a run that is killed at any moment, never meets half a file.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Gives an error about a file its name, where it has none.

    A full disk is noticed by what writes into an open file, which does not
    know what it is called.

    Args:
        path: of the file.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        reason = error.strerror or str(error)
        raise OSError(error.errno, reason, os.fspath(path)) from error


@contextlib.contextmanager
def replacing(target: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields where to write a file that is then moved to its place.

    The temporary name ends like the file's own. After an error nothing is
    left of it, and what was in the place before still is.

    Args:
        target: the file; missing folders are made.

    Raises:
        OSError: it cannot be written; its `filename` is `target`, where it
            is not that of another file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".new.{target.name}")
    try:
        with naming(target):
            yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(target: pathlib.Path, content: bytes) -> None:
    """Writes a file at once or not at all."""
    with replacing(target) as temporary:
        temporary.write_bytes(content)


def write_text(target: pathlib.Path, text: str) -> None:
    """Writes a text file, as UTF-8, at once or not at all.

    Names of files in it may be text in no encoding: their bytes are kept.
    """
    write_bytes(target, text.encode("utf-8", "surrogateescape"))


def append_text(target: pathlib.Path, text: str) -> None:
    """Adds whole lines to a text file that only grows, by one write.

    Whatever happens meanwhile, what was there stays; a line that a killed
    process has left in its middle is ended first. Several processes may add.

    Args:
        target: the file; it and its folders are made where they are missing.
        text: lines, each with its end.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with naming(target), open(target, "a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            text = text if file.read(1) == b"\n" else f"\n{text}"
        file.write(text.encode("utf-8", "surrogateescape"))
        file.flush()
        os.fsync(file.fileno())


def write_json(target: pathlib.Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file to be read by people too, at once or not at all."""
    write_text(target, json.dumps(dict(content), indent=2) + "\n")


def write_arrays(
    target: pathlib.Path, arrays: Mapping[str, np.ndarray]
) -> None:
    """Writes an .npz file of named arrays, at once or not at all."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_bytes(target, content.getvalue())
