"""The picture of how far confidence is to be trusted."""

from __future__ import annotations

import numpy as np

from maenas_tf.figures import canvas

_RIGHT, _GAP = "#0072B2", "#D55E00"


def draw_reliability(
    counts: np.ndarray,
    confidences: np.ndarray,
    accuracies: np.ndarray,
    error: float,
) -> np.ndarray:
    """Draws the accuracy of each bin of confidence, and its images below.

    A bar on the diagonal is of a network that is right as often as it says;
    one below it, of a network that is too sure. The line of a bar leads from
    its accuracy to its mean confidence.

    Args:
        counts: images of each bin, [M]; the bins share 0..1 equally.
        confidences: their mean confidence, [M]; NaN of an empty bin.
        accuracies: the part of them that is right, [M]; NaN of an empty bin.
        error: the expected calibration error, for the title.

    Returns:
        An image, uint8 [H, W, 3].

    Raises:
        ValueError: the arrays are not of one length.
    """
    lengths = {np.shape(x) for x in (counts, confidences, accuracies)}
    if len(lengths) != 1 or len(lengths.pop()) != 1:
        raise ValueError(
            f"`counts`, `confidences` and `accuracies` must have one shape, "
            f"[M], received {np.shape(counts)}, {np.shape(confidences)} and "
            f"{np.shape(accuracies)}."
        )
    width = 1.0 / len(counts)
    left = np.arange(len(counts)) * width
    figure = canvas.new_figure(5.6, 6.2)
    upper = figure.add_axes((0.13, 0.34, 0.83, 0.58))
    lower = figure.add_axes((0.13, 0.09, 0.83, 0.18), sharex=upper)
    filled = np.flatnonzero(counts)
    upper.bar(
        left[filled],
        np.asarray(accuracies)[filled],
        width,
        align="edge",
        color=_RIGHT,
        edgecolor="white",
        label="accuracy",
    )
    upper.vlines(
        np.asarray(confidences)[filled],
        np.asarray(accuracies)[filled],
        np.asarray(confidences)[filled],
        color=_GAP,
        linewidth=3,
        label="gap to the confidence",
    )
    upper.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle="--")
    upper.set_xlim(0, 1)
    upper.set_ylim(0, 1)
    upper.set_ylabel("accuracy", size=9)
    upper.legend(loc="upper left", fontsize=9, frameon=False)
    upper.tick_params(labelbottom=False)
    lower.bar(left, counts, width, align="edge", color="#999999")
    lower.set_ylabel("images", size=9)
    lower.set_xlabel("confidence", size=9)
    canvas.title(
        figure, f"reliability, expected calibration error {100 * error:.2f}%"
    )
    return canvas.render(figure)
