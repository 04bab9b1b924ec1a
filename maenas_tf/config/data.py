"""Settings about images and batches of them."""

from __future__ import annotations

import dataclasses
import re

from maenas_tf.config.base import (
    AT_LEAST_ONE,
    ZERO_IS_DEFAULT,
    Config,
    check,
    setting,
)

# What the random crop pads with.
REFLECT, ZERO = "reflect", "zero"
COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0)}


def read_colour(name: str, text: str) -> tuple[int, int, int] | None:
    """Reads a colour, or the "none" of those who want none.

    Args:
        name: of the setting, for messages.
        text: "white", "black", "#rrggbb" or "none".

    Returns:
        Red, green and blue, 0..255; None for "none".

    Raises:
        ConfigError: it is none of these.
    """
    if text == "none":
        return None
    if text in COLOURS:
        return COLOURS[text]
    expected = 'give white, black, none or a colour as "#rrggbb".'
    check(bool(re.fullmatch("#[0-9a-fA-F]{6}", text)), name, text, expected)
    return tuple(bytes.fromhex(text[1:]))


@dataclasses.dataclass(frozen=True)
class BatchSettings(Config):
    """How images become batches."""

    augment: bool = setting(
        True, "random crop (padding of 1/8 side) and horizontal flip."
    )
    crop_padding: str = setting(
        REFLECT,
        'what the random crop pads with: "reflect", the image mirrored, which '
        'suits any image, or "zero", black, as DARTS does on CIFAR-10.',
        choices=(REFLECT, ZERO),
        before=ZERO,
    )
    batch_size: int = setting(64, "global batch, images.", AT_LEAST_ONE)


@dataclasses.dataclass(frozen=True)
class LabelSettings(Config):
    """How labels count."""

    class_weight: str = setting(
        "none",
        'weigh the loss of an image by its class: "none", or "balanced", which '
        "gives each class the same part of the loss, however few images it "
        "has.",
        choices=("none", "balanced"),
    )


@dataclasses.dataclass(frozen=True)
class EpochSettings(Config):
    """How long an epoch is."""

    steps_per_epoch: int = setting(
        0,
        "steps of an epoch, however many images there are: fewer than a pass "
        "takes go on in the next epoch with images not yet seen in it, more "
        "begin another; 0 means one pass.",
        ZERO_IS_DEFAULT,
    )


@dataclasses.dataclass(frozen=True)
class DataSettings(BatchSettings):
    """Which images, and how they become batches."""

    dataset: str = setting("digits", '"digits", "folder" or a tfds name.')
    data_dir: str = setting(
        "",
        "folder of images (for labels one subfolder a class), or the tfds "
        "data directory.",
    )
    split: str = setting("train", "the split to train on.")
    max_images: int = setting(
        0, "use at most so many images; 0 means all.", ZERO_IS_DEFAULT
    )
    image_size: int = setting(
        0,
        "side in pixels; 0 means the data set's own, else 64.",
        ZERO_IS_DEFAULT,
    )
    background: str = setting(
        "white",
        'what lies under transparent pixels: "white", "black", a colour as '
        '"#rrggbb", or "none", which shows the colours that transparent '
        "pixels have.",
        before="none",
    )

    def validate(self) -> None:
        """Raises ConfigError: the background is no colour."""
        read_colour("background", self.background)
        super().validate()
