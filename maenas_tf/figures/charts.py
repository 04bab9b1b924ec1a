"""Charts of many runs: by group, and over the epochs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from maenas_tf.figures import canvas

_WIDTH = 8.6
_MOST_IN_LEGEND = 24
_LONGEST_LINE = 50


def colors(names: Sequence[str]) -> dict[str, str | tuple[float, ...]]:
    """Returns a colour for each group, the same in every chart."""
    if len(names) <= len(canvas.COLORS):
        return dict(zip(names, canvas.COLORS, strict=False))
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.92, len(names)))
    return {n: tuple(s) for n, s in zip(names, shades, strict=True)}


def draw_points(
    values: Mapping[str, Sequence[float]], label: str
) -> np.ndarray:
    """Draws the figure of each run as a dot, a row for each group.

    A black mark is a group's mean, its bar the sample standard deviation.

    Args:
        values: group to the figures of its runs.
        label: of the figure, with its unit.

    Returns:
        An image, uint8 [H, W, 3].

    Raises:
        ValueError: no group has a run.
    """
    values = {canvas.plain(name): v for name, v in values.items()}
    shown = {name: v for name, v in values.items() if len(v)}
    if not shown:
        raise ValueError("`values` has no run; nothing can be drawn.")
    palette = colors(list(values))
    names = [_wrap(f"{name}  (n={len(v)})") for name, v in shown.items()]
    lines = max(name.count("\n") + 1 for name in names)
    height = 0.85 + max(0.38, 0.17 * lines + 0.12) * len(shown)
    figure = canvas.new_figure(_WIDTH, height)
    longest = max(len(line) for name in names for line in name.split("\n"))
    axes = _add_axes(figure, 0.35 + 0.073 * longest, 0.35, 0.45)
    for row, (name, figures) in enumerate(shown.items()):
        count = len(figures)
        # Dots of equal figures stand beside each other.
        shift = np.linspace(-0.16, 0.16, count) if count > 1 else [0.0]
        axes.scatter(
            figures,
            row + np.asarray(shift),
            s=34,
            color=palette[name],
            alpha=0.75,
            linewidths=0,
        )
        if count < 2:
            continue
        axes.errorbar(
            np.mean(figures),
            row,
            xerr=np.std(figures, ddof=1),
            fmt="|",
            color="black",
            markersize=11,
            capsize=3,
            linewidth=1.2,
        )
    axes.set_yticks(range(len(shown)), names, size=9)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    _finish(axes, "x")
    canvas.title(figure, label)
    return canvas.render(figure)


def draw_curves(
    curves: Mapping[str, Sequence[np.ndarray]], label: str
) -> np.ndarray:
    """Draws a figure over the epochs: runs thin, means of groups thick.

    Args:
        curves: group to a series for each run, [epochs], nan where there is
            no value.
        label: of the figure, with its unit.

    Returns:
        An image, uint8 [H, W, 3].

    Raises:
        ValueError: no series has a value.
    """
    curves = {canvas.plain(name): stack for name, stack in curves.items()}
    shown = {
        name: kept
        for name, stack in curves.items()
        if (kept := [s for s in stack if np.isfinite(s).any()])
    }
    if not shown:
        raise ValueError("`curves` has no value; nothing can be drawn.")
    palette = colors(list(curves))
    legend = 0.2 * min(len(shown), _MOST_IN_LEGEND) + 0.1
    figure = canvas.new_figure(_WIDTH, 3.9 + legend)
    axes = _add_axes(figure, 0.8, 0.55, 0.4 + legend)
    for name, stack in shown.items():
        for series in stack:
            _draw_series(axes, series, palette[name], 0.35, 0.9)
        _draw_series(axes, mean_curve(stack), palette[name], 1.0, 2.2)
    axes.set_xlabel("epoch", size=9)
    axes.set_ylabel(canvas.plain(label), size=9)
    axes.xaxis.get_major_locator().set_params(integer=True)
    _finish(axes, "both")
    canvas.title(figure, f"{label}, by epoch")
    names = list(shown)[:_MOST_IN_LEGEND]
    figure.legend(
        [Line2D([], [], color=palette[n], linewidth=2.5) for n in names],
        [f"{n}  (n={len(shown[n])})" for n in names],
        loc="upper left",
        bbox_to_anchor=(0.01, 1 - 0.32 / figure.get_figheight()),
        fontsize=9,
        frameon=False,
        handlelength=1.6,
        labelspacing=0.3,
    )
    return canvas.render(figure)


def draw_scatter(
    points: Mapping[str, Sequence[tuple[float, float]]],
    label_x: str,
    label_y: str,
) -> np.ndarray:
    """Draws one figure of each run against another.

    Args:
        points: group to (x, y) of its runs.
        label_x: of the first figure.
        label_y: of the second.

    Returns:
        An image, uint8 [H, W, 3].

    Raises:
        ValueError: there is no run.
    """
    points = {canvas.plain(name): pairs for name, pairs in points.items()}
    shown = {name: pairs for name, pairs in points.items() if len(pairs)}
    if not shown:
        raise ValueError("`points` has no run; nothing can be drawn.")
    palette = colors(list(points))
    legend = 0.2 * min(len(shown), _MOST_IN_LEGEND) + 0.1
    figure = canvas.new_figure(_WIDTH, 3.9 + legend)
    axes = _add_axes(figure, 0.8, 0.55, 0.4 + legend)
    for number, (name, pairs) in enumerate(shown.items()):
        x, y = np.transpose(pairs)
        label = name if number < _MOST_IN_LEGEND else None
        axes.scatter(x, y, s=40, color=palette[name], alpha=0.8, label=label)
    axes.set_xlabel(canvas.plain(label_x), size=9)
    axes.set_ylabel(canvas.plain(label_y), size=9)
    _finish(axes, "both")
    canvas.title(figure, f"{label_y} against {label_x}")
    figure.legend(
        loc="upper left",
        bbox_to_anchor=(0.01, 1 - 0.32 / figure.get_figheight()),
        fontsize=9,
        frameon=False,
        labelspacing=0.3,
    )
    return canvas.render(figure)


def mean_curve(stack: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the mean over runs of each epoch that all of them have."""
    length = min(len(series) for series in stack)
    return np.mean([series[:length] for series in stack], axis=0)


def _draw_series(axes: Axes, series, color, alpha: float, width: float):
    """Draws the values that there are, joined over those that are not."""
    epochs = np.flatnonzero(np.isfinite(series))
    axes.plot(
        epochs,
        np.asarray(series)[epochs],
        color=color,
        alpha=alpha,
        linewidth=width,
        marker="o" if len(epochs) < 3 else None,
        markersize=3,
    )


def _wrap(name: str) -> str:
    """Returns the name of a group in lines that leave room for the dots."""
    return textwrap.fill(name, _LONGEST_LINE, break_on_hyphens=False)


def _add_axes(figure, left: float, bottom: float, top: float) -> Axes:
    """Adds axes with margins in inches."""
    width, height = figure.get_size_inches()
    return figure.add_axes(
        (
            left / width,
            bottom / height,
            1 - (left + 0.2) / width,
            1 - (bottom + top) / height,
        )
    )


def _finish(axes: Axes, grid: str) -> None:
    axes.tick_params(labelsize=9)
    # An offset would stand where title and legend are.
    for axis in (axes.xaxis, axes.yaxis):
        if isinstance(axis.get_major_formatter(), ScalarFormatter):
            axis.get_major_formatter().set_useOffset(False)
    axes.grid(axis=grid, color="#E5E5E5", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
