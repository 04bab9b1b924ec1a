"""Reports about finished searches: tables, charts and one HTML file.

    python -m tools.analyze --runs=runs/sweep --output_dir=runs/sweep_report

Writes report.html (self-contained), tables.md, runs.csv, groups.csv,
comparisons.csv and plots/. Exit codes: 0 done; 2 bad input; 3
stopped by a signal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from absl import flags

from flags import analyze_flags
from tools import runner

# What --helpshort shows.
flags.adopt_module_key_flags(analyze_flags)


T = TypeVar("T")


def with_progress(items: Sequence[T]) -> Iterator[T]:
    """Yields the items and shows how many are left."""
    from maenas_tf.engine.console import ProgressBar

    with ProgressBar(len(items), unit="run") as bar:
        for item in items:
            yield item
            bar.update()


def main() -> None:
    """Writes the report that the flags ask for."""
    from maenas_tf.config import ConfigError
    from maenas_tf.reports.report import Report
    from maenas_tf.runs.run_reader import require_runs
    from maenas_tf.searching.config import SearchConfig
    from maenas_tf.spaces.true_accuracies import TrueAccuracies

    output_dir = analyze_flags.OUTPUT_DIR.value
    records, problems = require_runs(
        analyze_flags.RUNS.value, SearchConfig.unsaid()
    )
    truth = TrueAccuracies(analyze_flags.BENCHMARK_FILE.value)
    truth.check_used(record.genotype.space for record in records)
    report = Report(records, problems, analyze_flags.GROUP_BY.value, truth)
    try:
        path = report.write(output_dir, with_progress)
    except OSError as error:
        raise ConfigError(
            f"--output_dir={output_dir} cannot be written "
            f"({error.strerror}); give a directory of your own."
        ) from error
    for comparison in report.comparisons:
        if comparison.verdict in ("higher", "lower"):
            print(comparison.sentence())
    print(f"{len(records)} runs, {len(report.groups)} groups: {path}")


if __name__ == "__main__":
    runner.run(main)
