"""Keeps other processes out of a directory."""

from __future__ import annotations

import fcntl
import pathlib
from typing import TextIO

from maenas_tf.config import ConfigError


def lock_directory(
    path: pathlib.Path, name: str, flag: str, other: str
) -> TextIO:
    """Makes a directory if it is missing, and locks it.

    Args:
        path: the directory.
        name: of the file in it that is locked.
        flag: that gives it, in messages.
        other: who else may be at it, in messages.

    Returns:
        The file; the directory is locked until that is closed.

    Raises:
        ConfigError: it cannot be written, or is locked by another process.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = open(path / name, "a")
    except OSError as error:
        raise ConfigError(
            f"--{flag}={path} cannot be written ({error.strerror}); give a "
            f"directory of your own."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise ConfigError(
            f"--{flag}={path} is in use by another {other}; wait for it or "
            f"give another directory."
        ) from error
    except OSError:
        pass  # A file system without locks: nothing keeps others out.
    return lock


def is_locked(path: pathlib.Path, name: str) -> bool:
    """Returns whether a process has locked a directory.

    Args:
        path: the directory.
        name: of the file in it that is locked.
    """
    try:
        with open(path / name) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # No such file, or a file system without locks.
    return False
