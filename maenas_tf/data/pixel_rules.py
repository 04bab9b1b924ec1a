"""By which rules the pixels of a set of images become bytes."""

from __future__ import annotations

import dataclasses
import math

from maenas_tf.config import ConfigError, read_colour


@dataclasses.dataclass(frozen=True)
class PixelRules:
    """What holds for all images of a set, and for those shown to its network.

    Attributes:
        background: what lies under transparent pixels, as --background says.
        integer_white: the whole number that is white where pixels have more
            than eight bits; 0 where no image of the set told it.
        float_white: the same for floating numbers.
        center_crop: which part of the shorter side is seen of an image that
            is not cropped at random, as --center_crop says.

    Raises:
        ConfigError: the background is no colour, or a number is none or out
            of range.
    """

    background: str = "white"
    integer_white: float = 0.0
    float_white: float = 0.0
    center_crop: float = 1.0

    def __post_init__(self):
        read_colour("background", self.background)
        for name in ("integer_white", "float_white"):
            white = getattr(self, name)
            if not isinstance(white, int | float) or not 0 <= white < math.inf:
                raise ConfigError(
                    f"{name}={white!r} is no value of white; give a finite "
                    f"number of at least 0."
                )
        part = self.center_crop
        if not isinstance(part, int | float) or not 0 < part <= 1:
            raise ConfigError(
                f"center_crop={part!r} is no part of a side; give a number "
                f"above 0 and at most 1."
            )

    @property
    def ground(self) -> tuple[int, int, int] | None:
        """The colour under transparent pixels; None drops the transparency."""
        return read_colour("background", self.background)


# Those that a set has if nothing else is said.
NEW_RULES = PixelRules()
# Those of runs and exports that do not say by which they were made.
OLD_RULES = PixelRules(background="none")
