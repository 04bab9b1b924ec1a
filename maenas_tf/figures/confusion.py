"""The picture of a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from maenas_tf.figures import canvas

_MOST_NUMBERS = 20  # classes up to which the counts are printed
_MOST_NAMES = 100  # classes up to which all names are
_LONGEST_NAME = 24


def draw_confusion(
    confusion: np.ndarray, class_names: Sequence[str]
) -> np.ndarray:
    """Draws which classes are taken for which.

    A row is a true class, a column a predicted one; the colour is the part of
    the row's images. Counts are printed up to 20 classes, names up to 100.

    Args:
        confusion: counts, [K, K].
        class_names: K names.

    Returns:
        An image, uint8 [H, W, 3].

    Raises:
        ValueError: the matrix is not square, or the names are not as many.
    """
    confusion = np.asarray(confusion)
    count = len(class_names)
    if confusion.shape != (count, count) or not count:
        raise ValueError(
            f"`confusion` must have the shape [{count}, {count}] for "
            f"{count} `class_names`, at least one; received "
            f"{list(confusion.shape)}."
        )
    names = [canvas.plain(_shorten(name)) for name in class_names]
    # Of the figure, in inches: room for names, then a square a class.
    field = 0.45 if count <= _MOST_NUMBERS else 0.16
    side = max(2.0, field * count if count <= _MOST_NAMES else 9.0)
    size = 9 if count <= _MOST_NUMBERS else 7
    longest = max(map(len, names)) if count <= _MOST_NAMES else 4
    margin = 0.5 + longest * size * 0.0095
    width, height = margin + side + 0.2, margin + side + 0.4
    figure = canvas.new_figure(width, height)
    axes = figure.add_axes(
        (margin / width, 0.2 / height, side / width, side / height)
    )
    totals = np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    shares = confusion / totals
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    if count <= _MOST_NAMES:
        axes.set_xticks(range(count), names, rotation=90, size=size)
        axes.set_yticks(range(count), names, size=size)
    if count <= _MOST_NUMBERS:
        _write_counts(axes, confusion, shares)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    right = np.trace(confusion) / max(confusion.sum(), 1)
    canvas.title(figure, f"confusion, {100 * right:.2f}% right")
    return canvas.render(figure)


def _shorten(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    return name[: _LONGEST_NAME - 1] + "…"


def _write_counts(
    axes: Axes, confusion: np.ndarray, shares: np.ndarray
) -> None:
    """Prints each count but zeros into its field."""
    for (row, column), value in np.ndenumerate(confusion):
        if value:
            axes.text(
                column,
                row,
                f"{value}",
                ha="center",
                va="center",
                size=8 if value < 10_000 else 6,
                color="white" if shares[row, column] > 0.6 else "black",
            )
