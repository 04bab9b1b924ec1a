"""Which images a run has read: small enough to keep, enough to tell others."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

# Files whose bytes are hashed, spread evenly over all: a million files then
# cost a second or two besides the question for the size of each.
NUM_HASHED_FILES = 1000

_IMAGES_AT_ONCE = 1000
_NAMES_SHOWN = 5
# Part of a fingerprint to what is said where it alone has changed. The first
# that has changed counts.
_SAID = {
    "version": "the data set was prepared anew, from other examples",
    "paths": "other files are read, or the same ones under other names",
    "contents": "files hold other bytes",
    "unordered_pixels": "they have other pixels",
    "pixels": "the same images come in another order",
    "order": "the same images come in another order",
    "labels": "they have other labels",
}


@dataclasses.dataclass(frozen=True)
class DataIdentity:
    """What tells the images of one run from those of another.

    Attributes:
        name: of the data set.
        split: of the data set.
        num_images: how many were read.
        image_size: side that they were read at, pixels.
        class_names: in the order of their numbers; empty without labels.
        fingerprint: name of a part to a digest; see `fingerprint_files` and
            `fingerprint_pixels`. Two are compared in the parts that both
            have.
    """

    name: str
    split: str
    num_images: int
    image_size: int
    class_names: tuple[str, ...] = ()
    fingerprint: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Returns values that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> DataIdentity:
        """Reads `to_dict`'s values.

        Raises:
            ValueError: a field is missing or wrong.
        """
        try:
            return cls(
                str(values["name"]),
                str(values["split"]),
                int(values["num_images"]),
                int(values["image_size"]),
                tuple(str(name) for name in values["class_names"]),
                {str(k): str(v) for k, v in values["fingerprint"].items()},
            )
        except (
            ArithmeticError,  # of an endless number
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            raise ValueError(f"a field is missing or wrong: {error!r}") from (
                error
            )

    def changes(self, now: DataIdentity) -> str:
        """Says how other images differ from these; empty if they do not."""
        said = []
        if now.name != self.name:
            said.append(f"the data set is {now.name!r} and was {self.name!r}")
        said += _class_changes(self.class_names, now.class_names)
        said += _number_changes(self.num_images, now.num_images)
        if now.image_size != self.image_size:
            said.append(
                f"they are {now.image_size} pixels a side and were "
                f"{self.image_size}"
            )
        return "; ".join(said) or self._other_digests(now)

    def _other_digests(self, now: DataIdentity) -> str:
        for part, said in _SAID.items():
            before = self.fingerprint.get(part)
            after = now.fingerprint.get(part)
            if None not in (before, after) and before != after:
                return said
        return ""


def _class_changes(before: Sequence[str], now: Sequence[str]) -> list[str]:
    added = [name for name in now if name not in before]
    gone = [name for name in before if name not in now]
    if len(added) == len(gone) == 1:
        return [f"class {gone[0]!r} is now {added[0]!r}"]
    said = [
        f"{_class_list(names)} {'was' if len(names) == 1 else 'were'} {done}"
        for names, done in ((added, "added"), (gone, "removed"))
        if names
    ]
    if not said and tuple(before) != tuple(now):
        said.append(
            f"the classes come in another order ({_listed(now)}, not "
            f"{_listed(before)})"
        )
    return said


def _class_list(names: Sequence[str]) -> str:
    return f"{'class' if len(names) == 1 else 'classes'} {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_NAMES_SHOWN])
    return shown + (", ..." if names[_NAMES_SHOWN:] else "")


def _number_changes(before: int, now: int) -> list[str]:
    if now == before:
        return []
    count = abs(now - before)
    images = "image was" if count == 1 else "images were"
    done = "added" if now > before else "removed"
    return [f"{count:,} {images} {done} ({now:,} now, {before:,} then)"]


def fingerprint_files(
    root: str | os.PathLike[str], paths: Sequence[str]
) -> dict[str, str]:
    """Returns the parts of a fingerprint of images in files.

    No time of a file is looked at, so that copies are the same.

    Args:
        root: the folder that the files lie in.
        paths: of the files, below it, in their order.

    Returns:
        "paths": of the paths from the root on; "contents": of the size of
        each file and of the bytes of up to `NUM_HASHED_FILES`.
    """
    names, contents = _Digest(), _Digest()
    start = len(os.path.join(root, ""))
    for path in paths:
        names.add(os.fsencode(path[start:]))
        contents.add(str(_size(path)).encode())
    count = min(len(paths), NUM_HASHED_FILES)
    for index in np.arange(count) * len(paths) // max(count, 1):
        contents.add(_file_digest(paths[index]))
    return {"paths": names.text(), "contents": contents.text()}


def fingerprint_pixels(
    num_images: int, read: Callable[[np.ndarray], np.ndarray]
) -> dict[str, str]:
    """Returns the parts of a fingerprint of images that no file tells of.

    Args:
        num_images: how many there are.
        read: gives some of them by index, uint8 [N, H, W, 3].

    Returns:
        "pixels": of the images in their order; "unordered_pixels": of the
        same images in any order.
    """
    each: list[bytes] = []
    for start in range(0, num_images, _IMAGES_AT_ONCE):
        stop = min(start + _IMAGES_AT_ONCE, num_images)
        each += [_digest(image) for image in read(np.arange(start, stop))]
    return {
        "unordered_pixels": _digest(b"".join(sorted(each))).hex(),
        "pixels": _digest(b"".join(each)).hex(),
    }


def fingerprint_labels(labels: np.ndarray | None) -> dict[str, str]:
    """Returns the part "labels" of a fingerprint, none without labels."""
    if labels is None:
        return {}
    return {"labels": _digest(np.asarray(labels, "<i8")).hex()}


class _Digest:
    """Of a row of texts, each of which ends where it ends."""

    def __init__(self):
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, text: bytes) -> None:
        self._hash.update(len(text).to_bytes(8, "little"))
        self._hash.update(text)

    def text(self) -> str:
        return self._hash.hexdigest()


def _digest(content: bytes | np.ndarray) -> bytes:
    if isinstance(content, np.ndarray):
        content = np.ascontiguousarray(content)
    return hashlib.blake2b(content, digest_size=16).digest()


def _size(path: str) -> int:
    """Returns a file's size; -1 if it has gone since it was read."""
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


def _file_digest(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(
                file, lambda: hashlib.blake2b(digest_size=16)
            ).digest()
    except OSError:
        return b""
