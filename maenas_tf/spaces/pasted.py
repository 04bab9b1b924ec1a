"""Genotypes inside of what people paste: a line of a log, of a program."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator

_CALL = re.compile(r"\bGenotype\(")
_PAIRS = {"(": ")", "[": "]", "{": "}"}
# What may stand before an architecture string, and after it.
_BEFORE = re.compile(r"""(?:^|[\s=:'"(\[])""")
_AFTER = " \t'\"`.,;)]"


def find_genotypes(text: str, reads: Callable[[str], bool]) -> list[str]:
    """Returns the different genotypes in a text, each without what is around.

    Args:
        text: any; printed forms and objects may go over several lines.
        reads: whether a text is a valid architecture string of a space.

    Returns:
        Texts that begin with "Genotype(" or "{"; where there is none, those
        that `reads` accepts.
    """
    found = dict.fromkeys([*_calls(text), *_objects(text)])
    found = found or dict.fromkeys(_strings(text, reads))
    return list(found)


def _calls(text: str) -> Iterator[str]:
    for match in _CALL.finditer(text):
        end = _closing(text, match.end() - 1)
        if end:
            yield text[match.start() : end]


def _objects(text: str) -> Iterator[str]:
    """Yields JSON of each object, or dictionary of Python, with a space."""
    place = text.find("{")
    while place >= 0:
        end = _closing(text, place)
        values = _read_object(text[place:end]) if end else None
        if isinstance(values, dict) and "space" in values:
            yield json.dumps(values)
            place = end - 1
        place = text.find("{", place + 1)


def _read_object(text: str) -> object:
    for read in (json.loads, ast.literal_eval):
        try:
            values = read(text)
            json.dumps(values)
        except (ValueError, TypeError, SyntaxError, RecursionError):
            continue
        return values
    return None


def _strings(text: str, reads: Callable[[str], bool]) -> Iterator[str]:
    """Yields of each line the longest end, else each word, that is read."""
    for line in text.splitlines():
        starts = [match.end() for match in _BEFORE.finditer(line)]
        ends = (line[start:].strip(_AFTER) for start in starts)
        end = next(filter(reads, ends), None)
        if end is not None:
            yield end
            continue
        words = (word.strip(_AFTER) for word in _BEFORE.split(line))
        yield from filter(reads, words)


def _closing(text: str, start: int) -> int:
    """Returns where what opens at `start` has ended; 0 if it does not."""
    expected = []
    for place in range(start, len(text)):
        letter = text[place]
        if letter in _PAIRS:
            expected.append(_PAIRS[letter])
        elif letter in _PAIRS.values():
            if letter != expected.pop():
                return 0
            if not expected:
                return place + 1
    return 0
