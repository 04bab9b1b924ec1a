"""Records of TFRecord files, read one by one."""

from __future__ import annotations

import dataclasses
import os
import struct
from collections.abc import Iterator, Sequence

import numpy as np

from maenas_tf.data.decoding_threads import decoding_threads
from maenas_tf.data.example_fields import find_integer
from maenas_tf.data.tracking import track

# Before a record stand its length and a checksum of that, after it a checksum
# of its bytes.
_HEADER = struct.Struct("<QI")
_FOOTER = 4


@dataclasses.dataclass(frozen=True)
class Shard:
    """A part of a TFRecord file.

    Attributes:
        path: of the file.
        skip: records before the first.
        take: how many.
    """

    path: str
    skip: int
    take: int


class TFRecordFiles(Sequence[bytes]):
    """The records of some files, one after the other.

    Args:
        shards: the files.
        places: of `find_records`.
    """

    def __init__(self, shards: Sequence[Shard], places: np.ndarray):
        self._paths = [shard.path for shard in shards]
        counts = [shard.take for shard in shards]
        self._files = np.repeat(np.arange(len(shards), dtype=np.int32), counts)
        self._places = places

    def __len__(self):
        return len(self._places)

    def __getitem__(self, index: int) -> bytes:
        start, length = map(int, self._places[index])
        path = self._paths[self._files[index]]
        with open(path, "rb", buffering=0) as file:
            found = os.pread(file.fileno(), length, start)
        if len(found) < length:
            raise ValueError(f"{path} has become shorter")
        return found


def find_records(
    shards: Sequence[Shard], integer: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Finds where the records of some files lie.

    By going from header to header: what is between them is not read.

    Args:
        shards: the files.
        integer: a feature of the records to read meanwhile, one whole number;
            empty for none.

    Returns:
        The place and the length of each record in its file, int64 [N, 2], and
        that feature, int64 [N]; 0 without.

    Raises:
        ValueError: a file ends early, or a record lacks the feature.
        OSError: a file cannot be read.
    """
    with decoding_threads() as pool:
        found = pool.map(lambda shard: _scan(shard, integer), shards)
        tables = list(track(found, len(shards), "indexing records", "file"))
    table = np.concatenate([np.empty((0, 3), np.int64), *tables])
    return table[:, :2].copy(), table[:, 2].copy()


def _scan(shard: Shard, integer: str) -> np.ndarray:
    """Returns start, length and number of each record, int64 [take, 3]."""
    table = np.zeros((shard.take, 3), np.int64)
    name = integer.encode()
    with open(shard.path, "rb", buffering=0) as file:
        number = file.fileno()
        for row, (start, length) in enumerate(_records(number, shard)):
            value = find_integer(number, start, length, name) if name else 0
            table[row] = start, length, value
    return table


def _records(file: int, shard: Shard) -> Iterator[tuple[int, int]]:
    """Yields where records lie: the first byte, and how many they are."""
    size, place = os.fstat(file).st_size, 0
    for row in range(shard.skip + shard.take):
        header = os.pread(file, _HEADER.size, place)
        start = place + _HEADER.size
        length = _HEADER.unpack(header)[0] if start <= size else size
        place = start + length + _FOOTER
        if place > size:
            raise ValueError(
                f"{shard.path} ends before its record {row}, of "
                f"{shard.skip + shard.take} wanted"
            )
        if row >= shard.skip:
            yield start, length
