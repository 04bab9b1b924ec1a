"""What a benchmark measured before on the same machine, and what changed."""

from __future__ import annotations

import json
import pathlib
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from maenas_tf.config import file_names
from maenas_tf.reports.grouping import number
from maenas_tf.reports.tables import Table
from maenas_tf.runs import atomic
from maenas_tf.timing.config import BenchmarkConfig

# From which ratio to the median of earlier runs a figure is marked. Times of a
# shared machine spread, memory hardly does.
SLOWER, LARGER = 1.10, 1.03
REGRESSION = "regression"


def entries(
    report: Mapping[str, Any], config: BenchmarkConfig
) -> list[dict[str, Any]]:
    """Returns what of a run is kept, one entry for each thing measured.

    Another commit's figures are not: they say nothing of this checkout.

    Args:
        report: of `Benchmark.run`.
        config: of the benchmark.
    """
    tensorflow = report["versions"]["tensorflow"]
    shared = {
        "when": report["when"],
        "commit": report["commit"],
        "machine": {**report["machine"], "tensorflow": tensorflow},
    }
    return [
        {**shared, "what": name, "place": place, "settings": settings}
        | {
            key: result[key]
            for key in ("seconds", "cpu_seconds", "peak_mb")
            if key in result
        }
        for name, place, settings, result in _measured(report, config)
    ]


def _measured(
    report: Mapping[str, Any], config: BenchmarkConfig
) -> Iterator[tuple[str, str, dict[str, Any], Mapping[str, Any]]]:
    """Yields name, place, settings and result of each thing measured."""
    sides = [config] if config.revision else config.sides()
    for name, results in report.get("results", {}).items():
        for side, result in zip(sides, results, strict=False):
            yield name, "", _settings(side.to_dict()), result
    for name, by_place in report.get("places", {}).items():
        for place, result in by_place.items():
            yield name, place, _settings(config.to_dict()), result
    for setting, by_name in report.get("scaling", {}).items():
        for name, points in by_name.items():
            for point in points:
                values = {**config.to_dict(), setting: point["value"]}
                yield name, "", _settings(values), point


def _settings(values: Mapping[str, Any]) -> dict[str, Any]:
    return BenchmarkConfig.of_a_thing({**BenchmarkConfig.unsaid(), **values})


def keep(path: pathlib.Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Adds a run to the history of a directory.

    Args:
        path: the directory.
        entries: of `entries`.
    """
    text = "".join(json.dumps(entry) + "\n" for entry in entries)
    atomic.append_text(path / file_names.BENCHMARK_HISTORY, text)


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """Returns the entries of a directory's earlier runs, oldest first.

    A line that is not whole, of a run that was killed meanwhile, is passed
    over.
    """
    try:
        text = (path / file_names.BENCHMARK_HISTORY).read_text("utf-8")
    except FileNotFoundError:
        return []
    found = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            entry["settings"] = _settings(entry["settings"])
            figure(entry)
        except (ValueError, TypeError, KeyError):
            continue
        found.append(entry)
    return found


def figure(entry: Mapping[str, Any]) -> float:
    """Returns the seconds of a step, or the peak in MB."""
    if "peak_mb" in entry:
        return float(entry["peak_mb"])
    return statistics.median(entry["seconds"])


def same(entry: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two entries are of one thing on one machine."""
    keys = ("what", "place", "machine", "settings")
    return all(entry.get(key) == other.get(key) for key in keys)


def regressed(
    entry: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether a figure is clearly worse than those of earlier runs.

    Of times, if the median is `SLOWER` times theirs and even the fastest
    measurement is slower; of a peak, if it is `LARGER` times theirs.

    Args:
        entry: of this run.
        earlier: the same of earlier ones.
    """
    if not earlier:
        return False
    usual = statistics.median(map(figure, earlier))
    if "peak_mb" in entry:
        return figure(entry) > LARGER * usual
    return figure(entry) > SLOWER * usual and min(entry["seconds"]) > usual


def names_of_settings(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns for each entry the settings that are not at their default."""
    defaults = BenchmarkConfig.defaults()
    names = []
    for entry in entries:
        given = [
            f"{name}={value}"
            for name, value in entry["settings"].items()
            if value != defaults.get(name)
        ]
        names.append(" ".join(filter(None, [entry["place"], *given])))
    return names


def history_table(
    now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]
) -> Table:
    """Tabulates the figures of a run beside those of earlier ones.

    Args:
        now: entries of this run.
        before: of earlier runs, oldest first.
    """
    rows = []
    for entry, settings in zip(now, names_of_settings(now), strict=True):
        earlier = [other for other in before if same(entry, other)]
        ratios, cpu = ["", "", ""], ""
        if earlier:
            old = [figure(other) for other in earlier]
            usual = statistics.median(old)
            ratios = [
                number(old[-1]),
                number(figure(entry) / old[-1]),
                number(figure(entry) / usual),
            ]
            cpu = _cpu_ratio(entry, earlier)
        mark = REGRESSION if regressed(entry, earlier) else ""
        shown = [number(figure(entry)), str(len(earlier)), *ratios, cpu]
        rows.append([entry["what"], settings, mark, *shown])
    columns = [
        "what",
        "settings",
        "mark",
        "seconds a step (or peak MB)",
        "earlier runs",
        "last",
        "times the last",
        "times their median",
        "CPU seconds, times their median",
    ]
    return Table(columns, rows, names=3)


def _cpu_ratio(
    entry: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]
) -> str:
    if "cpu_seconds" not in entry:
        return ""
    middle = statistics.median
    usual = middle(middle(other["cpu_seconds"]) for other in earlier)
    return number(middle(entry["cpu_seconds"]) / usual)
