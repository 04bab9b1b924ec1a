"""Figures of a benchmark: medians, ratios of neighbours, scaling laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.figures import canvas
from maenas_tf.reports.grouping import number
from maenas_tf.reports.tables import Table

Result = Mapping[str, Any]


def middle(values: Sequence[float]) -> str:
    """Returns "median (lowest-highest)"."""
    center = float(np.median(values))
    low, high = float(np.min(values)), float(np.max(values))
    shown, *ends = (number(x, center) for x in (center, low, high))
    return shown if len(values) == 1 else f"{shown} ({'-'.join(ends)})"


def ratios(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """Returns second / first of the measurements taken one after the other."""
    return [b / a for a, b in zip(first, second, strict=True)]


def comparison_table(
    results: Mapping[str, Sequence[Result]], against: str
) -> Table:
    """Tabulates measurements of one way, or of two in turn.

    Args:
        results: what was timed to a result for each way: "seconds" and
            "cpu_seconds" of a step, one of each measurement, and "images" of
            a step; or what `measuring.weigh` returns.
        against: what the second way is called.
    """
    rows = []
    for name, sides in results.items():
        for index, result in enumerate(sides):
            ratio = _ratio(sides) if index else ""
            rows.append(
                [name, against if index else "", *_cells(result), ratio]
            )
    columns = [
        "what",
        "variant",
        "seconds a step (or peak MB)",
        "CPU seconds",
        "images/s",
        "times the first",
    ]
    return Table(columns, rows, names=2)


def places_table(places: Mapping[str, Mapping[str, Result]]) -> Table:
    """Tabulates a step on several numbers of processes and replicas.

    Args:
        places: what was timed to a place to a result: one of
            `comparison_table`, and "messages" and "bytes" of a step.
    """
    rows = []
    for name, by_place in places.items():
        first = None
        for place, result in by_place.items():
            ratio = "" if first is None else _ratio((first, result))
            first = first or result
            sent = [f"{result[key]:,}" for key in ("messages", "bytes")]
            rows.append([name, place, *_cells(result), ratio, *sent])
    columns = [
        "what",
        "place",
        "seconds a step",
        "CPU seconds",
        "images/s",
        "times the first",
        "messages a step",
        "bytes a step",
    ]
    return Table(columns, rows, names=2)


def _cells(result: Result) -> list[str]:
    if "peak_mb" in result:
        peak, before = result["peak_mb"], result["before_mb"]
        parts = [f"{before:,.0f} before the first step"]
        if "tensors_mb" in result:
            parts.append(f"tensors {result['tensors_mb']:,.0f}")
        return [f"{peak:,.0f} MB ({', '.join(parts)})", "", ""]
    speed = result["images"] / float(np.median(result["seconds"]))
    cpu = middle(result["cpu_seconds"])
    return [middle(result["seconds"]), cpu, number(speed)]


def _ratio(sides: Sequence[Result]) -> str:
    first, second = sides
    if "peak_mb" in first:
        return number(second["peak_mb"] / first["peak_mb"])
    return middle(ratios(first["seconds"], second["seconds"]))


def _value(result: Result) -> float:
    if "peak_mb" in result:
        return result["peak_mb"] - result["before_mb"]
    return float(np.median(result["seconds"]))


def exponent(values: Sequence[float], measured: Sequence[float]) -> float:
    """Returns b of the power law a x^b that fits best (log-log).

    Args:
        values: x, positive, at least two different ones.
        measured: what was measured at each, positive.
    """
    return float(np.polyfit(np.log(values), np.log(measured), 1)[0])


def scaling_table(
    scaling: Mapping[str, Mapping[str, Sequence[Result]]],
) -> Table:
    """Tabulates how times and memory grow with settings.

    Args:
        scaling: setting to what was measured to a result for each value; a
            result is one of `comparison_table` and its "value".
    """
    rows = []
    for setting, by_name in scaling.items():
        for name, points in by_name.items():
            previous = None
            for point in points:
                local = ""
                if previous is not None:
                    pair = (previous, point)
                    local = number(
                        exponent(
                            [p["value"] for p in pair],
                            [_value(p) for p in pair],
                        )
                    )
                cells = [str(point["value"]), *_cells(point), local]
                rows.append([setting, name, *cells])
                previous = point
    columns = [
        "setting",
        "what",
        "value",
        "seconds a step (or peak MB)",
        "CPU seconds",
        "images/s",
        "local exponent",
    ]
    return Table(columns, rows, names=2)


def draw_scaling(
    setting: str, by_name: Mapping[str, Sequence[Result]]
) -> np.ndarray:
    """Draws time and memory against a setting, both axes logarithmic.

    A dotted line through the last point shows proportionality.

    Args:
        setting: what varies.
        by_name: what was measured to a result for each value.

    Returns:
        An image, uint8 [H, W, 3].
    """
    figure = canvas.new_figure(6.4, 4.4)
    axes = figure.add_axes((0.13, 0.13, 0.82, 0.76))
    for index, (name, points) in enumerate(by_name.items()):
        color = canvas.COLORS[index % len(canvas.COLORS)]
        values = np.array([point["value"] for point in points], np.float64)
        measured = np.array([_value(point) for point in points])
        unit = "MB" if "peak_mb" in points[0] else "s"
        label = f"{name} [{unit}]"
        if len(points) > 1:
            label += f", exponent {exponent(values, measured):.2f}"
        axes.plot(values, measured, "o-", color=color, label=label)
        axes.plot(values, measured[-1] * values / values[-1], ":", color=color)
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = sorted({p["value"] for points in by_name.values() for p in points})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(setting)
    axes.grid(color="#E5E5E5", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    canvas.title(figure, f"a step against {setting} (dotted: proportional)")
    return canvas.render(figure)
