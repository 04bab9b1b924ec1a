"""One number of a `tf.train.Example` in a file, without reading its images.

An example is a tree of fields: Example { Features = 1 }, where Features is a
map of names to Feature { Int64List = 3 { numbers = 1 } }. Each field begins
with a tag, which holds its number and its kind; those with a length can be
stepped over.

Source: tensorflow/core/example/feature.proto; Protocol Buffers, "Encoding".
"""

from __future__ import annotations

import os

# Kinds of fields: a number, and bytes of a length told before.
_NUMBER, _BYTES = 0, 2
_INTEGERS = 3
_SIGN = 1 << 63
# Read at a time: more than what is not an image takes, as a rule.
_PART = 512


class _Reader:
    """Bytes of a file by their place, read part by part."""

    def __init__(self, file: int, start: int, length: int):
        self._file, self._end = file, start + length
        self._place, self._part = start, b""

    def read(self, place: int, length: int) -> bytes:
        """Returns some of the bytes; fewer at the end."""
        begin = place - self._place
        if begin < 0 or begin + length > len(self._part):
            wanted = max(min(_PART, self._end - place), length)
            self._place = place
            self._part = os.pread(self._file, wanted, place)
            begin = 0
        return self._part[begin : begin + length]

    def number(self, place: int) -> tuple[int, int]:
        """Returns a number and the place after it.

        Raises:
            ValueError: there is none.
        """
        value = 0
        for shift, byte in enumerate(self.read(place, 10)):
            value |= (byte & 127) << 7 * shift
            if byte < 128:
                return value, place + shift + 1
        raise ValueError("it holds what is no tf.train.Example")

    def field(self, place: int) -> tuple[int, int, int]:
        """Returns the number of a field, and where its content lies."""
        tag, place = self.number(place)
        if tag & 7 == _NUMBER:
            return tag >> 3, place, self.number(place)[1]
        if tag & 7 != _BYTES:
            raise ValueError("it holds what is no tf.train.Example")
        length, place = self.number(place)
        return tag >> 3, place, place + length


def find_integer(file: int, start: int, length: int, name: bytes) -> int:
    """Finds a feature that is one whole number.

    Args:
        file: number of the open file.
        start: where the example begins in it.
        length: bytes of the example.
        name: of the feature.

    Raises:
        ValueError: the example has no such feature, or is none.
    """
    reader = _Reader(file, start, length)
    _, place, end = reader.field(start)
    while place < end:
        _, inner, place = reader.field(place)
        _, begin, stop = reader.field(inner)
        if stop - begin != len(name) or reader.read(begin, len(name)) != name:
            continue
        _, begin, _ = reader.field(stop)
        kind, begin, stop = reader.field(begin)
        if kind == _INTEGERS and begin < stop:
            _, begin, _ = reader.field(begin)
            value, _ = reader.number(begin)
            return value - 2 * _SIGN if value >= _SIGN else value
        break
    raise ValueError(f"a record has no whole number called {name.decode()!r}")
