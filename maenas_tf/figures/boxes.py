"""Boxes drawn into images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from maenas_tf.config.printable import printable
from maenas_tf.figures import canvas

# Sides of a picture that lines and letters of one size suit.
_USUAL_SIDE = 400


def class_color(number: int) -> str:
    """Returns the colour of a class, the same in every picture."""
    return canvas.COLORS[number % len(canvas.COLORS)]


def draw_boxes(
    image: np.ndarray,
    boxes: Sequence[Sequence[float]],
    classes: Sequence[int],
    labels: Sequence[str],
) -> np.ndarray:
    """Draws boxes into an image, each in its class's colour and named.

    Args:
        image: uint8 [H, W, 3].
        boxes: left, upper, right and lower side of each, pixels.
        classes: number of each one's class.
        labels: what is written at each, on one line.

    Returns:
        uint8 [H, W, 3].
    """
    picture = Image.fromarray(np.asarray(image))
    draw = ImageDraw.Draw(picture)
    scale = max(picture.size) / _USUAL_SIDE
    font = ImageFont.load_default(max(9.0, 13 * scale))
    width = max(1, round(2 * scale))
    for box, number, label in zip(boxes, classes, labels, strict=True):
        left, upper, right, lower = (float(side) for side in box)
        color = class_color(int(number))
        corners = (left, upper, max(right - 1, left), max(lower - 1, upper))
        draw.rectangle(corners, outline=color, width=width)
        text = " ".join(printable(label).splitlines())
        if not text:
            continue
        size = draw.textbbox((0, 0), text, font=font)
        # Above the box, or inside of it at the image's upper border.
        top = upper - size[3] - 1
        top = upper if top < 0 else top
        place = min(left, max(picture.width - size[2], 0))
        draw.rectangle((place, top, place + size[2], top + size[3]), fill=color)
        draw.text((place, top), text, fill="white", font=font)
    return np.asarray(picture)
