"""Settles for a set of image files which value is white."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
from absl import logging

from maenas_tf.data.decoding_threads import decoding_threads
from maenas_tf.data.image_file import deep_values
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.tracking import track
from maenas_tf.data.value_range import ValueRange

# Files looked at, evenly spread over the set: deep ones are decoded for it.
MAX_FILES = 400
# They are bytes always, and need not be opened to know it.
_BYTES_ALWAYS = frozenset((".jpg", ".jpeg", ".jfif", ".jpe", ".gif", ".webp"))


def settle_rules(
    paths: Sequence[str], rules: PixelRules, named: str
) -> PixelRules:
    """Decide once for a set what is white in its images of more than bytes.

    At most 400 files are looked at, always the same ones of a set.

    Args:
        paths: of the image files.
        rules: what is said of the set; a white that is known stays.
        named: where they lie, in messages.

    Returns:
        The rules, complete; no white for a kind of values that none has.

    Raises:
        ConfigError: the values are of no range known.
    """
    if rules.integer_white and rules.float_white:
        return rules
    paths = [path for path in paths if not _is_of_bytes(path)]
    count = min(len(paths), MAX_FILES)
    chosen = np.linspace(0, len(paths) - 1, count).astype(int)
    ranges = {"integer_white": ValueRange(), "float_white": ValueRange()}
    with decoding_threads() as pool:
        read = pool.map(_values, [paths[row] for row in chosen])
        for values in track(read, count, "looking for white", "file"):
            if values is not None:
                kind = "float" if values.dtype.kind == "f" else "integer"
                ranges[f"{kind}_white"].add(values)
    for name, found in ranges.items():
        if found.count and not getattr(rules, name):
            white = found.white()
            logging.warning("%s: %s.", named, found.describe(white))
            rules = dataclasses.replace(rules, **{name: white})
    return rules


def _is_of_bytes(path: str) -> bool:
    return os.path.splitext(path)[1].lower() in _BYTES_ALWAYS


def _values(path: str) -> np.ndarray | None:
    try:
        return deep_values(path)
    # Who reads the set names what cannot be decoded.
    except Exception:
        return None
