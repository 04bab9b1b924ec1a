"""Tests of `maenas_tf.timing.history` and `.report`."""

import json

import pytest

from maenas_tf.config import file_names
from maenas_tf.timing import history, report
from maenas_tf.timing.config import BenchmarkConfig

MACHINE = {"cores": 2, "processor": "p", "gpus": 0, "onednn": False}
NAMES = ("what", "settings", "mark", "now", "runs", "last", "to_last", "usual")


def run_of(*seconds, **settings):
    """Returns what `Benchmark.run` would, of one case."""
    config = BenchmarkConfig(what="input", **settings)
    sides = [{"images": 4, "seconds": [s], "cpu_seconds": [s]} for s in seconds]
    return {
        "when": "2026-01-01T00:00:00+00:00",
        "commit": "abc",
        "config": config.to_dict(),
        "versions": {"tensorflow": "9"},
        "machine": MACHINE,
        "results": {"input": sides},
    }


def rows_after(folder, *runs):
    """Returns the last run's rows of the history, column to text."""
    for each in runs[:-1]:
        report.write_report(each, folder)
    before = history.read(folder)
    config = BenchmarkConfig(**runs[-1]["config"])
    table = history.history_table(history.entries(runs[-1], config), before)
    return [dict(zip(NAMES, row, strict=False)) for row in table.rows]


def test_a_run_is_told_from_the_last_and_from_the_median(tmp_path):
    (row,) = rows_after(
        tmp_path, *(run_of(s) for s in (1.0, 1.0, 1.0, 4.0, 2.0))
    )
    assert (row["runs"], row["last"]) == ("4", "4")
    assert (row["to_last"], row["usual"]) == ("0.5000", "2")
    assert row["mark"] == history.REGRESSION


def test_other_settings_machines_and_commits_are_no_history(tmp_path):
    other = run_of(9.0, batch_size=3)
    # Of two ways both are kept; of another commit nothing is.
    both = run_of(1.0, 7.0, against="batch_size=5")
    commit = run_of(1.0, 9.0, against="commit:HEAD")
    (row,) = rows_after(tmp_path, other, both, commit, run_of(1.0))
    assert (row["runs"], row["usual"], row["mark"]) == ("2", "1", "")
    (row,) = rows_after(tmp_path, run_of(7.0, batch_size=5))
    assert (row["runs"], row["settings"]) == ("1", "batch_size=5")
    elsewhere = run_of(1.0) | {"machine": MACHINE | {"onednn": True}}
    (row,) = rows_after(tmp_path, elsewhere)
    assert row["runs"] == "0"


def test_how_often_a_thing_was_measured_makes_it_no_other(tmp_path):
    (row,) = rows_after(
        tmp_path, run_of(1.0, repeats=9, steps=1), run_of(1.0, repeats=2)
    )
    assert row["runs"] == "1"


@pytest.mark.parametrize(
    ("now", "marked"),
    [
        ({"seconds": [1.05, 1.05]}, False),
        ({"seconds": [1.5, 1.6, 1.2]}, True),
        # The machine was busy now and then.
        ({"seconds": [1.5, 1.6, 0.9]}, False),
        ({"peak_mb": 1.02}, False),
        ({"peak_mb": 1.04}, True),
    ],
)
def test_what_is_clearly_worse_is_marked(now, marked):
    kind = "peak_mb" if "peak_mb" in now else "seconds"
    values = (0.9, 1.0, 1.1)
    earlier = [{kind: v if kind == "peak_mb" else [v]} for v in values]
    assert history.regressed(now, earlier) == marked
    assert not history.regressed(now, [])


def test_a_killed_run_loses_nothing_written(tmp_path):
    report.write_report(run_of(1.0), tmp_path)
    path = tmp_path / file_names.BENCHMARK_HISTORY
    whole = path.read_text("utf-8")
    path.write_text(whole + whole[:40], "utf-8")
    report.write_report(run_of(3.0), tmp_path)
    assert path.read_text("utf-8").startswith(whole)
    assert [history.figure(e) for e in history.read(tmp_path)] == [1.0, 3.0]


def test_a_setting_younger_than_a_run_is_at_its_default(tmp_path):
    report.write_report(run_of(1.0), tmp_path)
    path = tmp_path / file_names.BENCHMARK_HISTORY
    entry = json.loads(path.read_text("utf-8"))
    del entry["settings"]["recompute"]
    path.write_text(json.dumps(entry) + "\n", "utf-8")
    (row,) = rows_after(tmp_path, run_of(1.0))
    assert row["runs"] == "1"


def test_the_page_shows_the_run_its_history_and_what_is_worse(tmp_path):
    first = report.write_report(run_of(1.0), tmp_path)
    page = (tmp_path / file_names.BENCHMARK_PAGE).read_text("utf-8")
    assert ">1.000<" in page
    assert "Worse than" not in page
    assert "<img" not in page
    second = report.write_report(run_of(2.0), tmp_path)
    page = (tmp_path / file_names.BENCHMARK_PAGE).read_text("utf-8")
    assert "Worse than in earlier runs on this machine: input" in page
    assert page.count("<img") == 1
    assert "http" not in page.replace("http-equiv", "")
    assert history.REGRESSION in second
    assert history.REGRESSION not in first
    assert (tmp_path / file_names.BENCHMARK_TEXT).read_text("utf-8") == second
