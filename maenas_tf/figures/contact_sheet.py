"""Many small images on one sheet, with what is said of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maenas_tf.figures import canvas

_COLUMNS = 6
_LONGEST_LINE = 20
_COLORS = {True: "#0072B2", False: "#D55E00"}


def draw_contact_sheet(
    images: np.ndarray,
    captions: Sequence[Sequence[str]],
    good: Sequence[bool],
    title: str,
) -> np.ndarray:
    """Draws images in rows of six, each with its lines below.

    Args:
        images: uint8 [N, H, W, 3], N > 0.
        captions: the lines of each; long ones are cut.
        good: whether the lines of each are blue, as of what is right, or
            orange, as of what is wrong.
        title: of the sheet.

    Returns:
        An image, uint8 [H', W', 3].

    Raises:
        ValueError: there is no image, or captions are missing.
    """
    images = np.asarray(images)
    count = len(images)
    if images.ndim != 4 or not count or {len(captions), len(good)} != {count}:
        raise ValueError(
            f"`images` must have the shape [N, H, W, 3] with N > 0 and as "
            f"many `captions` and `good`, received {list(images.shape)}, "
            f"{len(captions)} and {len(good)}."
        )
    rows = -(-count // _COLUMNS)
    lines = max(map(len, captions))
    # Of a field, in inches: the image, then its lines.
    side, text = 1.45, 0.16 * lines + 0.1
    width = _COLUMNS * (side + 0.12) + 0.2
    height = rows * (side + text) + 0.45
    figure = canvas.new_figure(width, height)
    for place, (image, caption) in enumerate(
        zip(images, captions, strict=True)
    ):
        row, column = divmod(place, _COLUMNS)
        left = 0.15 + column * (side + 0.12)
        bottom = height - 0.4 - row * (side + text) - side
        axes = figure.add_axes(
            (left / width, bottom / height, side / width, side / height)
        )
        axes.imshow(image, interpolation="nearest")
        axes.set_axis_off()
        figure.text(
            left / width,
            (bottom - 0.03) / height,
            "\n".join(canvas.plain(_shorten(line)) for line in caption),
            size=8,
            va="top",
            color=_COLORS[bool(good[place])],
        )
    canvas.title(figure, title)
    return canvas.render(figure)


def _shorten(line: str) -> str:
    line = " ".join(line.splitlines())
    if len(line) <= _LONGEST_LINE:
        return line
    return line[: _LONGEST_LINE - 1] + "…"
