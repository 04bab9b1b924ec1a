"""In which order tfds reads the examples of a split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Of tfds: files read in turn, and examples of each at a time.
_CYCLE, _BLOCK = 16, 16


def reading_order(counts: Sequence[int], is_ordered: bool) -> np.ndarray:
    """Lists the examples of several files as tfds reads them.

    It takes 16 examples of each of 16 files in turn; a file that has ended
    makes room for the next one. Thus an image has the same number where it is
    held in memory and where it is not.

    Args:
        counts: examples of each file.
        is_ordered: whether the set is to be read file after file, as those
            are that were prepared without shuffling.

    Returns:
        int64 [sum of the counts], the places of the examples in all files,
        one after the other.

    Source: `tf.data.Dataset.interleave`, as `tfds.core.reader` calls it.
    """
    total = int(sum(counts))
    if is_ordered or len(counts) < 2:
        return np.arange(total)
    waiting = iter(_ranges(counts))
    turns = [iter(()) for _ in range(_CYCLE)]
    # An ended file is left for the next one's turn; `blank` has had none yet.
    blank = [True] * _CYCLE
    parts, found, turn = [], 0, 0
    while found < total:
        if blank[turn]:
            file = next(waiting, None)
            if file is not None:
                turns[turn], blank[turn] = _blocks(*file), False
        part = () if blank[turn] else next(turns[turn], np.arange(0))
        if len(part):
            parts.append(part)
            found += len(part)
        blank[turn] = len(part) < _BLOCK
        turn = (turn + 1) % _CYCLE
    return np.concatenate(parts)


def _ranges(counts: Sequence[int]) -> list[tuple[int, int]]:
    ends = np.cumsum(counts)
    return list(zip(ends - np.asarray(counts), ends, strict=True))


def _blocks(start: int, stop: int):
    """Yields the places of a file, so many at a time as are read in a turn."""
    for place in range(start, stop, _BLOCK):
        yield np.arange(place, min(place + _BLOCK, stop))
