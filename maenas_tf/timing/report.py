"""The files of a benchmark: tables, plots, one page, and the history."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.config import file_names, user_path
from maenas_tf.figures import canvas
from maenas_tf.reports import html_page
from maenas_tf.reports.tables import Table
from maenas_tf.runs import atomic
from maenas_tf.timing import history, ratios
from maenas_tf.timing.config import BenchmarkConfig
from maenas_tf.timing.operations import operations_table

_MOST_CHARTS = 12
_HISTORY_NOTE = (
    f"Earlier runs in this directory, of the same thing and settings, with "
    f"the same processor, number of cores and version of TensorFlow. A time "
    f"is marked as a {history.REGRESSION} if it is more than "
    f"{history.SLOWER:.2f} times the median of theirs and even the fastest "
    f"measurement is slower than that; a peak if it is more than "
    f"{history.LARGER:.2f} times theirs. Where CPU seconds are as ever, other "
    f"work on the machine may be why."
)


def write_report(
    report: dict[str, Any], directory: str | os.PathLike[str]
) -> str:
    """Writes benchmark.json, .csv, .md, .html and, of scaling, plots.

    The run is added to the history that lies there.

    Args:
        report: of `Benchmark.run`.
        directory: is made where it is missing; empty writes nothing.

    Returns:
        The tables as Markdown.
    """
    config = BenchmarkConfig(**report["config"])
    table = _table(report, config)
    text = table.to_markdown() if table.rows else ""
    operations = report.get("operations")
    if operations:
        text += operations_table(operations).to_markdown()
    if not directory:
        return text
    path = user_path(directory)
    before, now = history.read(path), history.entries(report, config)
    history.keep(path, now)
    plots = {
        f"scaling_{setting}": ratios.draw_scaling(setting, by_name)
        for setting, by_name in report.get("scaling", {}).items()
    }
    for name, picture in plots.items():
        atomic.write_bytes(path / f"{name}.png", canvas.png_bytes(picture))
    if any(history.same(entry, old) for entry in now for old in before):
        text += f"\n{history.history_table(now, before).to_markdown()}"
    page = _page(report, table, plots, now, before)
    files = {
        file_names.BENCHMARK: json.dumps(report, indent=1) + "\n",
        "benchmark.csv": table.to_csv(),
        file_names.BENCHMARK_TEXT: text,
        file_names.BENCHMARK_PAGE: page,
    }
    for name, content in files.items():
        atomic.write_text(path / name, content)
    return text


def _table(report: Mapping[str, Any], config: BenchmarkConfig) -> Table:
    if "places" in report:
        return ratios.places_table(report["places"])
    if "scaling" in report:
        return ratios.scaling_table(report["scaling"])
    return ratios.comparison_table(report["results"], config.against)


def _page(
    report: Mapping[str, Any],
    table: Table,
    plots: Mapping[str, np.ndarray],
    now: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
) -> str:
    """Returns one HTML file that needs nothing else."""
    worse = [
        entry["what"]
        for entry in now
        if history.regressed(
            entry, [old for old in before if history.same(entry, old)]
        )
    ]
    parts = [_head(report)]
    if worse:
        names = ", ".join(dict.fromkeys(worse))
        parts.append(
            html_page.paragraph(
                f"Worse than in earlier runs on this machine: {names}; see "
                f"the history.",
                "warning",
            )
        )
    parts += [
        html_page.heading("This run"),
        table.to_html() if table.rows else "",
        *(html_page.chart(picture, name) for name, picture in plots.items()),
        *_operations(report),
        html_page.heading("History"),
        html_page.paragraph(_HISTORY_NOTE, "note"),
        history.history_table(now, before).to_html(),
        *_charts(now, before),
        html_page.heading("Settings"),
        html_page.folded("all of them", _settings(report["config"]).to_html()),
    ]
    return html_page.page("Benchmark", parts)


def _head(report: Mapping[str, Any]) -> str:
    machine = report["machine"]
    made = ", ".join(f"{k} {v}" for k, v in report["versions"].items())
    commit = f", commit {report['commit']}" if report["commit"] else ""
    return html_page.paragraph(
        f"{report['when']}{commit}. {machine['processor'] or 'Processor'}, "
        f"{machine['cores']} cores, {machine['gpus']} GPUs, oneDNN "
        f"{'on' if machine['onednn'] else 'off'}; {made}. Medians, "
        f"in brackets the lowest and highest measurement; a ratio is that of "
        f"measurements taken one after the other."
    )


def _operations(report: Mapping[str, Any]) -> list[str]:
    """Returns where the time of a step goes, where that was asked for."""
    found = report.get("operations")
    if not found:
        return []
    return [
        html_page.heading("Operations of a step"),
        html_page.paragraph(
            f"A step of {found['seconds']:.3f} s while it is traced; moments "
            f"in which several operations run are shared by them equally, "
            f"those of functions that are called included. The bound is what "
            f"moving its bytes at {found['bytes_per_second'] / 1e9:.1f} GB/s "
            f"would take, or its arithmetic at "
            f"{found['flops_per_second'] / 1e9:.0f} Gflop/s, both the best of "
            f"this machine now. A share above 100 % is that of operations "
            f"whose tensors still lie in a cache, or which run beside others "
            f"that leave them more than their part of the memory's speed.",
            "note",
        ),
        operations_table(found).to_html(),
    ]


def _settings(config: Mapping[str, Any]) -> Table:
    rows = [[name, str(value)] for name, value in config.items()]
    return Table(["setting", "value"], rows, names=2)


def _charts(
    now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Returns a chart of the history of each thing that has one."""
    charts = []
    for entry, settings in zip(
        now, history.names_of_settings(now), strict=True
    ):
        runs = [old for old in before if history.same(entry, old)]
        if runs and len(charts) < _MOST_CHARTS:
            name = f"{entry['what']} {settings}".strip()
            picture = _draw([*runs, entry], name)
            charts.append(html_page.chart(picture, f"history of {name}"))
    return charts


def _draw(runs: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    """Draws the figures of runs, oldest first, with their ranges."""
    figure = canvas.new_figure(8.6, 2.6)
    axes = figure.add_axes((0.09, 0.2, 0.88, 0.64))
    places = np.arange(len(runs))
    middles = np.array([history.figure(run) for run in runs])
    spans = [run.get("seconds") or [run.get("peak_mb")] for run in runs]
    low = [m - min(span) for m, span in zip(middles, spans, strict=True)]
    high = [max(span) - m for m, span in zip(middles, spans, strict=True)]
    axes.errorbar(
        places, middles, [low, high], fmt="o-", color=canvas.COLORS[0]
    )
    usual = float(np.median(middles[:-1]))
    axes.axhline(usual, color="#888888", linestyle=":")
    shown = places[:: -(-len(runs) // 8)]
    labels = [
        canvas.plain(f"{runs[i]['when'][5:16]}\n{runs[i]['commit'][:8]}")
        for i in shown
    ]
    axes.set_xticks(shown, labels, fontsize=7)
    axes.set_ylim(0, 1.1 * max(max(span) for span in spans))
    axes.set_ylabel("MB" if "peak_mb" in runs[-1] else "s")
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    canvas.title(figure, f"{name[:90]} (dotted: median of earlier runs)")
    return canvas.render(figure)
