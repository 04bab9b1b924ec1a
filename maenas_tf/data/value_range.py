"""Which value is white, where pixels are not bytes."""

from __future__ import annotations

import numpy as np

from maenas_tf.config import ConfigError

# The largest values of what pixels come in: shares of one; 8, 10, 12, 14, 16,
# 24 and 32 bits.
WHITES = (1, 255, 1023, 4095, 16383, 65535, 2**24 - 1, 2**32 - 1)
# Interpolation overshoots by less than this share of the range, and what it
# overshoots by is little on average.
OVERSHOOT = 0.25
MEAN_OVERSHOOT = 0.01
# Floats from 0 to so few levels, if they are not whole, would lose most of
# what they hold.
_FEW_LEVELS = 32


def is_beyond(low: float, high: float, white: float) -> bool:
    """Whether values lie outside of a range by more than an overshoot."""
    slack = OVERSHOOT * white
    # Written so that it is true for NaN.
    return not (low >= -slack and high <= white + slack)


class ValueRange:
    """The values of a set's pixels, seen part by part.

    The range is decided once for the whole set: whole numbers reach to the
    least of `WHITES` that none exceeds; of floating numbers a few may exceed
    it by a little, which is cut off.

    Attributes:
        count: how many values were seen.
        low: the least of them.
        high: the largest of them.
    """

    def __init__(self):
        self.count = 0
        self.low, self.high = np.inf, -np.inf
        self._floats, self._whole = False, True
        self._cut = dict.fromkeys(WHITES, 0.0)

    def add(self, values: np.ndarray) -> None:
        """Takes some of the values in, of any shape, integers or floats."""
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        self.count += values.size
        # NaN is kept, where min() and max() might drop it.
        self.low = float(np.minimum(self.low, low))
        self.high = float(np.maximum(self.high, high))
        if values.dtype.kind != "f":
            return
        self._floats = True
        if self._whole:
            self._whole = bool(np.all(values == np.rint(values)))
        below = -np.minimum(values, 0).sum(dtype=np.float64)
        for white in WHITES:
            above = 0.0
            if high > white:
                above = np.maximum(values - white, 0).sum(dtype=np.float64)
            self._cut[white] += below + above

    def white(self) -> float:
        """Returns the value that is white.

        Raises:
            ConfigError: the values are of no range known.
        """
        fitting = [white for white in WHITES if self._fits(white)]
        if not fitting:
            raise self._refusal()
        white = fitting[0]
        hair_above_one = white > 1 and self.high <= 1 + OVERSHOOT
        few = white > 1 and self.high <= _FEW_LEVELS and not self._whole
        if self._floats and (hair_above_one or few):
            raise self._refusal()
        return float(white)

    def describe(self, white: float) -> str:
        """Says in some words what was decided."""
        kind = "floating" if self._floats else "whole"
        text = (
            f"{kind} numbers from {self.low:g} to {self.high:g}, taken as 0 "
            f"to {white:g}"
        )
        if self.low < 0 or self.high > white:
            text += " and cut off there"
        return text

    def _fits(self, white: float) -> bool:
        if not self._floats:
            return self.low >= 0 and self.high <= white
        if is_beyond(self.low, self.high, white):
            return False
        # Values may use a part of their range only.
        used = min(white, self.high)
        if self.low < -OVERSHOOT * used:
            return False
        return self._cut[white] <= MEAN_OVERSHOOT * used * self.count

    def _refusal(self) -> ConfigError:
        return ConfigError(
            f"images holds values from {self.low:g} to {self.high:g}; give "
            f"raw pixels in 0..255, or floating numbers in 0..1, not "
            f"normalised ones."
        )
