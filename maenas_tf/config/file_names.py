"""Names of files that rooms below `runs` know too."""

from __future__ import annotations

from collections.abc import Collection

# What a run directory is named by as a genotype.
GENOTYPE = "genotype.json"

LOCK = ".lock"
CONFIG = "config.json"
FLAGS = "flags.txt"
SUMMARY = "summary.json"
HISTORY = "history.csv"
SWEEP = "sweep.json"
SWEEP_LOCK = ".sweep_lock"
REPORT = "report.html"
REPORT_RUNS = "runs.csv"
BENCHMARK = "benchmark.json"
BENCHMARK_TEXT = "benchmark.md"
BENCHMARK_PAGE = "benchmark.html"
BENCHMARK_HISTORY = "benchmark_history.jsonl"
EXPORT = "export.json"
CLASS_NAMES = "class_names.txt"

# A data set may well hold one of these, as a config.json, but not two.
_TOGETHER = (
    {CONFIG, FLAGS},
    {CONFIG, GENOTYPE},
    {CONFIG, HISTORY},
    {SUMMARY, GENOTYPE},
    {REPORT, REPORT_RUNS},
    {BENCHMARK, BENCHMARK_TEXT},
    {EXPORT, CLASS_NAMES},
    {SWEEP, SWEEP_LOCK},
)


def output_marks(names: Collection[str]) -> list[str]:
    """Returns the files that tell a directory that a tool has written.

    A run, a sweep, a report, a benchmark or an export.

    Args:
        names: of all that lies in the directory.

    Returns:
        Sorted names; none where it is another directory.
    """
    found = set(names)
    # A run that is being prepared has no more than its lock.
    if found == {LOCK}:
        return [LOCK]
    return next((sorted(m) for m in _TOGETHER if m <= found), [])
