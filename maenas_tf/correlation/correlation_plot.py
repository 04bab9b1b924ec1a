"""How well objectives rank, by the length of the training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from maenas_tf.correlation.resampling import Interval
from maenas_tf.figures import canvas

_MARKERS = "osD^vP*X"


def draw_tau_by_steps(
    objectives: Mapping[str, Mapping[int, Interval]],
    trivial: Mapping[str, Interval],
    count: int,
) -> np.ndarray:
    """Draws Kendall's tau against training steps, a line an objective.

    Args:
        objectives: name to training steps to tau with its interval.
        trivial: name to tau of predictors that need no training; dashed.
        count: number of architectures, for the title.

    Returns:
        An image, uint8 [H, W, 3].

    Raises:
        ValueError: there is no objective, or one without steps.
    """
    if not objectives or not all(objectives.values()):
        raise ValueError("`objectives` needs at least one, each with steps.")
    figure = canvas.new_figure(8.0, 4.8)
    axes = figure.add_axes((0.11, 0.12, 0.63, 0.79))
    axes.axhline(0, color="#999999", linewidth=1)
    for index, (name, by_step) in enumerate(objectives.items()):
        steps = np.array(list(by_step), np.float64)
        taus = list(by_step.values())
        color = canvas.COLORS[index % len(canvas.COLORS)]
        low = [tau.value - tau.low for tau in taus]
        high = [tau.high - tau.value for tau in taus]
        # Shifted a little, so that intervals do not hide each other.
        axes.errorbar(
            steps * 1.02 ** (index - (len(objectives) - 1) / 2),
            [tau.value for tau in taus],
            # A percentile interval need not hold its value.
            np.maximum([low, high], 0.0),
            color=color,
            marker=_MARKERS[index % len(_MARKERS)],
            markersize=5,
            linewidth=1.8,
            elinewidth=1,
            capsize=3,
            label=canvas.plain(name),
        )
    for index, (name, tau) in enumerate(trivial.items()):
        axes.axhline(
            tau.value,
            color="#555555",
            linestyle=("--", ":", "-.")[index % 3],
            linewidth=1.3,
            label=f"{canvas.plain(name)} ({tau.value:.2f})",
        )
    _label(axes, {step for steps in objectives.values() for step in steps})
    canvas.title(figure, f"ranking of {count} architectures, 95% intervals")
    return canvas.render(figure)


def _label(axes: Axes, steps: set[int]) -> None:
    """Names the axes and everything drawn in them."""
    ticks = sorted(steps)
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("training steps")
    axes.set_ylabel("Kendall's tau with true accuracy")
    axes.set_ylim(-1.05, 1.05)
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
