"""Many image files, decoded at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from absl import logging

from maenas_tf.data.decoding_threads import decoding_threads
from maenas_tf.data.image_file import check_image, read_image
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.tracking import track

# Files looked at before what came of them is taken.
_PART = 1000
_NAMES_SHOWN = 20


def read_files(
    paths: Sequence[str], size: int, rules: PixelRules, named: str
) -> tuple[np.ndarray, list[int]]:
    """Decode files into memory.

    Those that cannot be decoded are named in warnings and left out.

    Args:
        paths: of the files.
        size: side wanted, pixels.
        rules: how their pixels become bytes.
        named: where they lie, in messages.

    Returns:
        The pixels of the good files, uint8 [N, size, size, 3], and which
        files these are.
    """
    failures: list[str] = []
    count = len(paths)
    pixels, kept = np.empty((count, size, size, 3), np.uint8), []
    decoded = _each(read_image, paths, size, rules, failures)
    for row, made in track(decoded, count, "reading images", "file"):
        if made:
            pixels[len(kept)] = made[0]
            kept.append(row)
    tell_failures(failures, count, named)
    return pixels[: len(kept)], kept


def check_files(
    paths: Sequence[str], size: int, rules: PixelRules, named: str
) -> list[int]:
    """Returns which files can be decoded, as far as a look at them tells.

    Others are named in warnings.

    Args:
        paths: of the files.
        size: side wanted, pixels.
        rules: how their pixels become bytes.
        named: where they lie, in messages.
    """
    failures: list[str] = []
    checked = _each(check_image, paths, size, rules, failures)
    rows = track(checked, len(paths), "checking images", "file")
    kept = [row for row, good in rows if good]
    tell_failures(failures, len(paths), named)
    return kept


def _each(
    function: Callable[[str, int, PixelRules], Any],
    paths: Sequence[str],
    size: int,
    rules: PixelRules,
    failures: list[str],
) -> Iterator[tuple[int, tuple[Any] | None]]:
    """Yields the row of each file, in order, and what was made of a good one.

    Args:
        function: makes something of a file.
        paths: of the files.
        size: side wanted, pixels.
        rules: how their pixels become bytes.
        failures: takes a sentence for each file that it fails for.
    """

    def attempt(path):
        try:
            return (function(path, size, rules),), ""
        # A broken file makes Pillow raise nearly anything (OSError,
        # SyntaxError, struct.error, DecompressionBombError, ...).
        except Exception as error:
            return None, f"Skipped {path}: {error}"

    with decoding_threads() as pool:
        # In slices, lest decoded images wait in memory by the thousand.
        for start in range(0, len(paths), _PART):
            part = paths[start : start + _PART]
            for row, done in enumerate(pool.map(attempt, part), start):
                made, failure = done
                if failure:
                    failures.append(failure)
                yield row, made


def tell_failures(failures: Sequence[str], count: int, named: str) -> None:
    """Names files that were left out, not by the thousand, and counts them."""
    if not failures:
        return
    for failure in failures[:_NAMES_SHOWN]:
        logging.warning("%s", failure)
    logging.warning(
        "Skipped %d of %d files in %s.", len(failures), count, named
    )
