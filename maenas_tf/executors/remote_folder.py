"""A folder at a URL, through fsspec, that is worked on in a local copy."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from maenas_tf.config import ConfigError, user_path
from maenas_tf.executors.executor import EXECUTORS

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# Of a file that is being written.
_PART = ".part"
# What a file system may tell that changes with the file.
_STAMPS = ("size", "mtime", "LastModified", "last_modified", "ETag", "etag")


def is_url(text: str) -> bool:
    """Returns whether a text is a URL, not a path."""
    return bool(_URL.match(text))


@contextlib.contextmanager
def worked_on(
    text: str, executor: str
) -> Iterator[tuple[pathlib.Path, RemoteFolder | None]]:
    """Yields the directory of a sweep and, where it is a copy, of what.

    Args:
        text: --sweep_dir, a path or a URL.
        executor: name of what runs the jobs.

    Raises:
        ConfigError: the executor writes under paths alone.
    """
    if not is_url(text):
        yield user_path(text), None
        return
    if not EXECUTORS.get(executor).takes_urls:
        raise ConfigError(
            f"--sweep_dir={text} is a URL, and --executor={executor} writes "
            f"under paths alone; give a path, or --executor=ray."
        )
    with tempfile.TemporaryDirectory(prefix="maenas_sweep_") as path:
        remote = RemoteFolder(text.rstrip("/"), path)
        yield remote.path, remote


class RemoteFolder:
    """A folder at a URL, and a copy of it.

    Who reads there finds what was whole at some moment: files are sent in the
    order in which they were written, and none after one that has changed
    meanwhile, as a checkpoint's list of checkpoints follows what it lists.

    Args:
        url: any that fsspec writes to, such as s3://bucket/sweep.
        path: of the copy; made if missing.

    Raises:
        ConfigError: fsspec, or what it needs for such a URL, is missing.
    """

    def __init__(self, url: str, path: str | os.PathLike[str]):
        try:
            from fsspec.core import url_to_fs

            self._files, self._root = url_to_fs(url)
        except (ImportError, ValueError, OSError) as error:
            raise ConfigError(
                f"{url} cannot be used: {error}; install what fsspec needs "
                f"for it, on every node, or give a path."
            ) from error
        self.url = url
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self._sent: dict[str, tuple[int, int]] = {}
        self._seen: dict[str, tuple[Any, ...]] = {}

    def fetch_all(self) -> None:
        """Copies all that is there.

        Raises:
            OSError: it cannot be read.
        """
        with _as_os_error(self.url):
            self._files.invalidate_cache()
            for name in self._files.find(self._root):
                place = name.removeprefix(self._root).lstrip("/")
                if not place.endswith(_PART):
                    self._fetch(place)
                    self._sent[place] = _stamp(self.path / place)

    def fetch(self, places: Sequence[str]) -> None:
        """Copies some files, those of them that are there and have changed.

        Args:
            places: of the files, in the folder.

        Raises:
            OSError: one cannot be read.
        """
        with _as_os_error(self.url):
            self._files.invalidate_cache()
            for place in places:
                try:
                    info = self._files.info(self._at(place))
                except FileNotFoundError:
                    continue
                stamp = tuple(info.get(name) for name in _STAMPS)
                if self._seen.get(place) != stamp:
                    self._fetch(place)
                    self._seen[place] = stamp

    def send_all(self) -> bool:
        """Sends what has changed, and drops what is gone.

        Returns:
            Whether all of it, which may change meanwhile, was sent.

        Raises:
            OSError: it cannot be written.
        """
        there = {}
        for path in self.path.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    place = path.relative_to(self.path).as_posix()
                    there[place] = _stamp(path)
        with _as_os_error(self.url):
            for place in sorted(there, key=lambda name: there[name]):
                if self._sent.get(place) == there[place]:
                    continue
                if not self._send(place, there[place]):
                    return False
            for place in set(self._sent) - set(there):
                with contextlib.suppress(FileNotFoundError):
                    self._files.rm_file(self._at(place))
                del self._sent[place]
        return True

    def send(self, place: str) -> None:
        """Sends one file, whatever the others are.

        Raises:
            OSError: it cannot be written.
        """
        with _as_os_error(self.url):
            self._send(place, None)

    def _at(self, place: str) -> str:
        return f"{self._root}/{place}"

    def _fetch(self, place: str) -> None:
        path = self.path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + _PART)
        self._files.get_file(self._at(place), str(part))
        os.replace(part, path)

    def _send(self, place: str, expected: tuple[int, int] | None) -> bool:
        """Sends a file; returns whether it is still what was expected."""
        path, there = self.path / place, self._at(place)
        self._files.makedirs(self._files._parent(there), exist_ok=True)
        try:
            self._files.put_file(str(path), there + _PART)
            stamp = _stamp(path)
        except FileNotFoundError:
            return False
        if expected not in (None, stamp):
            return False
        self._files.mv(there + _PART, there)
        self._sent[place] = stamp
        return True


def _stamp(path: pathlib.Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@contextlib.contextmanager
def _as_os_error(url: str) -> Iterator[None]:
    """Raises what clients of stores raise as an error of the system."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        # Each client has classes of its own.
        raise OSError(f"{url}: {error}") from error
