"""Paths that TensorFlow takes."""

from __future__ import annotations

import atexit
import functools
import os
import pathlib
import shutil
import tempfile

from maenas_tf.config.printable import printable


def tensorflow_path(path: str | os.PathLike[str]) -> str:
    """Returns a path by which TensorFlow reaches the same place.

    It takes names in UTF-8 only. A directory whose name is none is reached by
    a link under another name, which goes when the process ends.

    Args:
        path: of which each directory exists whose name is no UTF-8.
    """
    text = os.fspath(path)
    if printable(text) == text:
        return text
    parts = pathlib.Path(os.path.abspath(text)).parts
    last = max(n for n, part in enumerate(parts) if printable(part) != part)
    linked = _link_to(os.path.join(*parts[: last + 1]))
    return os.path.join(linked, *parts[last + 1 :])


@functools.cache
def _link_to(directory: str) -> str:
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    link = os.path.join(folder, "linked")
    os.symlink(directory, link)
    return link
