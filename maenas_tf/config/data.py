"""Settings about images and batches of them."""

from __future__ import annotations

import dataclasses
import re

from maenas_tf.config.base import (
    AT_LEAST_ONE,
    ZERO_IS_DEFAULT,
    Config,
    ConfigError,
    Range,
    check,
    setting,
)

# What the random crop pads with.
REFLECT, ZERO = "reflect", "zero"
# How the random crop is made.
PADDED, RESIZED = "padded", "resized"
_NO_JITTER = "none"
# Of the images; together the parts are at most all of them.
_PART = Range("give a number above 0 and below 1.", above=0, below=1)
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


def read_jitter(text: str) -> tuple[float, ...]:
    """Reads how much colours change.

    Args:
        text: four numbers joined by commas, or "none".

    Returns:
        Of brightness, contrast, saturation and hue; empty for "none".

    Raises:
        ConfigError: it is none of these.
    """
    if text == _NO_JITTER:
        return ()
    expected = (
        "give none, or four numbers joined by commas, of brightness, contrast "
        "and saturation from 0 to 1 and of hue from 0 to 0.5, such as "
        "0.4,0.4,0.4,0.2."
    )
    try:
        amounts = tuple(float(part) for part in text.split(","))
    except ValueError:
        amounts = ()
    tops = (1, 1, 1, 0.5)
    fits = len(amounts) == len(tops) and all(
        0 <= amount <= top for amount, top in zip(amounts, tops, strict=True)
    )
    check(fits, "color_jitter", text, expected)
    return amounts


@dataclasses.dataclass(frozen=True)
class BatchSizeSettings(Config):
    """How many images a step has."""

    batch_size: int = setting(64, "global batch, images.", AT_LEAST_ONE)


@dataclasses.dataclass(frozen=True)
class BatchSettings(BatchSizeSettings):
    """How images become batches."""

    augment: bool = setting(
        True,
        "random crop and horizontal flip, and what else is said of colours.",
    )
    crop: str = setting(
        PADDED,
        'the random crop: "padded" moves the image by up to 1/8 of its side, '
        'as on CIFAR-10; "resized" cuts a part of random size and shape from '
        "the whole image and resizes it, as on ImageNet, and decodes images "
        "whenever they are needed.",
        choices=(PADDED, RESIZED),
    )
    crop_area: float = setting(
        0.08,
        "least part of the image's area that --crop=resized cuts.",
        Range("give a number above 0 and at most 1.", above=0, most=1),
    )
    crop_padding: str = setting(
        REFLECT,
        'what the random crop pads with: "reflect", the image mirrored, which '
        'suits any image, or "zero", black, as DARTS does on CIFAR-10.',
        choices=(REFLECT, ZERO),
        before=ZERO,
    )
    color_jitter: str = setting(
        _NO_JITTER,
        "how much brightness, contrast, saturation and hue change at random, "
        "four numbers joined by commas (0.4,0.4,0.4,0.2 as DARTS on ImageNet), "
        'or "none".',
    )

    def validate(self) -> None:
        """Raises ConfigError: settings of the augmentation say nothing."""
        read_jitter(self.color_jitter)
        defaults = BatchSettings.defaults()
        idle = {} if self.augment else {"augment": ("crop", "color_jitter")}
        resized = self.crop == RESIZED
        idle["crop"] = ("crop_padding",) if resized else ("crop_area",)
        for switch, names in idle.items():
            for name in names:
                value = getattr(self, name)
                if value != defaults[name]:
                    state = getattr(self, switch)
                    raise ConfigError(
                        f"--{name}={value} has no effect with "
                        f"--{switch}={state}; drop one of the two."
                    )
        super().validate()


@dataclasses.dataclass(frozen=True)
class HalvesSettings(Config):
    """Which part of the images each level of a search trains on."""

    weight_image_fraction: float = setting(
        0.5,
        "part of the images that the weights are trained on, drawn by the "
        "seed.",
        _PART,
    )
    alpha_image_fraction: float = setting(
        0.5,
        "part of the images, disjoint from that of the weights, that the "
        "alphas are trained on; where it is smaller, its images are met more "
        "often.",
        _PART,
    )

    def validate(self) -> None:
        """Raises ConfigError: there are not as many images."""
        super().validate()
        if self.weight_image_fraction + self.alpha_image_fraction > 1:
            raise ConfigError(
                f"--weight_image_fraction={self.weight_image_fraction} and "
                f"--alpha_image_fraction={self.alpha_image_fraction} are more "
                f"than all images together; give less of one."
            )


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
    center_crop: float = setting(
        1.0,
        "which part of the shorter side is seen, in the centre, of images that "
        "are not cropped at random: 0.875 resizes them to 256 pixels for 224, "
        "as on ImageNet; 1 shows all of it. An image whose shorter side has "
        "the size already is not resized.",
        Range("give a number above 0 and at most 1.", above=0, most=1),
    )

    def validate(self) -> None:
        """Raises ConfigError: the background is no colour."""
        read_colour("background", self.background)
        super().validate()
