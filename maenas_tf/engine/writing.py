"""What TensorFlow says where it cannot write a file."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def as_os_error(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raises an error of TensorFlow's writers as one of the system.

    Args:
        path: of what is written, a file or a directory.
    """
    try:
        yield
    except tf.errors.OpError as error:
        # The reason is the end, with the operation behind it.
        reason = error.message.splitlines()[0].rpartition("; ")[2]
        reason = reason.partition(" [Op:")[0]
        raise OSError(errno.EIO, reason, os.fspath(path)) from error
