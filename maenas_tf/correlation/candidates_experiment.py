"""Correlates scores that searches have left behind with true accuracy."""

from __future__ import annotations

import pathlib
from typing import Any

from maenas_tf.correlation import candidates, statistics
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.correlation.experiment import CorrelateResult
from maenas_tf.engine.runtime import versions
from maenas_tf.runs import files, kinds
from maenas_tf.runs.csv_files import csv_text
from maenas_tf.runs.run_directory import RunDirectory


class CandidatesExperiment:
    """Reads candidates.csv of searches, and compares their scores.

    Nothing is computed anew and nothing trained: it takes seconds, and always
    begins from the start.

    Args:
        config: the configuration.
        run_dir: where everything is written.
        resume: whether a run may be in `run_dir`.
        signals: taken for what every experiment takes.

    Raises:
        ConfigError: a setting is wrong, or a file cannot be read.
    """

    def __init__(
        self,
        config: CorrelateConfig,
        run_dir: str | pathlib.Path,
        resume: bool = True,
        signals: Any = None,
    ):
        del signals
        self.config = config
        self.truth = candidates.TrueAccuracies(
            config.benchmark, config.benchmark_file
        )
        self.run_directory = RunDirectory(run_dir, config, resume)

    def run(self) -> CorrelateResult:
        """Compares, and writes the results."""
        run, config = self.run_directory, self.config
        try:
            rankings = [
                ranking
                for path in config.candidate_dirs
                for ranking in candidates.rank(
                    pathlib.Path(path),
                    config.sum_names,
                    config.score_rule,
                    self.truth,
                    config.resamples,
                    config.seed,
                )
            ]
            run.write_config(config)
            rows = candidates.to_rows(rankings)
            markdown = self._markdown(rankings)
            run.write_text(files.CORRELATION, csv_text(rows))
            run.write_text(files.CORRELATION_TEXT, markdown)
            run.write_summary(
                kinds.CORRELATION,
                {
                    "candidates": config.candidate_dirs,
                    "predictors": [r.compared.name for r in rankings],
                    "num_labels_read": 0,
                    "seed": config.seed,
                    "versions": versions(),
                },
            )
        finally:
            run.close()
        return CorrelateResult(rows, [r.compared for r in rankings], markdown)

    def _markdown(self, rankings: list[candidates.Ranking]) -> str:
        config = self.config
        where = config.benchmark_file or f"validation, {config.benchmark}"
        return (
            f"# Scores against true accuracy\n\n"
            f"Candidates of {', '.join(config.candidate_dirs)}. True accuracy: "
            f"{where}. Sums by {config.score_rule}, over the candidates of a "
            f"run. In brackets: {statistics.LEVEL:.0%} percentile-bootstrap "
            f"intervals, {config.resamples:,} resamples of the candidates.\n\n"
            f"{candidates.to_markdown(rankings)}"
        )
