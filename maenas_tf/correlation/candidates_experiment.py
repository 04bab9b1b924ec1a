"""Correlates scores that searches have left behind with true accuracy."""

from __future__ import annotations

import pathlib
from typing import Any

from maenas_tf.config import ConfigError
from maenas_tf.correlation import candidates, ranking_tables, resampling
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.correlation.experiment import CorrelateResult
from maenas_tf.engine.runtime import versions
from maenas_tf.runs import files, kinds
from maenas_tf.runs.csv_files import csv_text
from maenas_tf.runs.run_directory import RunDirectory
from maenas_tf.spaces.true_accuracies import TrueAccuracies


class CandidatesExperiment:
    """Reads candidates.csv of searches, and compares their scores.

    Nothing is computed anew and nothing trained: it takes seconds, and always
    begins from the start.

    Args:
        config: the configuration.
        run_dir: where everything is written.
        resume: whether a run may be in `run_dir`.
        signals: taken for what every experiment takes.
        make_pool: refused, as nothing is computed that could be shared out.

    Raises:
        ConfigError: a setting is wrong, or a file cannot be read.
    """

    def __init__(
        self,
        config: CorrelateConfig,
        run_dir: str | pathlib.Path,
        resume: bool = True,
        signals: Any = None,
        make_pool: Any = None,
    ):
        del signals
        if make_pool is not None:
            raise ConfigError(
                "--executor=ray trains architectures on a cluster, and "
                "--candidates trains none; drop one of the two."
            )
        self.config = config
        self.truth = TrueAccuracies(config.benchmark_file)
        self.run_directory = RunDirectory(run_dir, config, resume)

    def run(self) -> CorrelateResult:
        """Compares, and writes the results."""
        run, config = self.run_directory, self.config
        try:
            searches = self._read()
            rankings = [r for found in searches for r in self._rank(found)]
            together = candidates.averaged(searches)
            averaged = [] if together is None else self._rank(together)
            run.write_config(config)
            rows = ranking_tables.to_rows([*rankings, *averaged])
            tables = ranking_tables.to_markdown(rankings, averaged)
            markdown = self._head() + tables
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
        comparisons = [ranking.compared for ranking in rankings]
        return CorrelateResult([], rows, comparisons, markdown)

    def _read(self) -> list[candidates.Candidates]:
        """Returns what each search scored.

        Raises:
            ConfigError: they are in different spaces, or one cannot be read.
        """
        config = self.config
        searches = [
            candidates.read_candidates(
                pathlib.Path(path), self.truth, config.benchmark
            )
            for path in config.candidate_dirs
        ]
        spaces = sorted({found.space for found in searches})
        self.truth.check_used(spaces)
        if len(spaces) > 1:
            raise ConfigError(
                f"--candidates names searches in {' and '.join(spaces)}; give "
                f"searches in one space."
            )
        return searches

    def _rank(self, found: candidates.Candidates) -> list[candidates.Ranking]:
        config = self.config
        return candidates.rank(
            found,
            config.sum_names,
            config.score_rule,
            config.resamples,
            config.seed,
        )

    def _head(self) -> str:
        config = self.config
        where = f"NAS-Bench-201, validation, {config.benchmark}"
        if config.benchmark_file:
            where = f"NAS-Bench-Macro, test, {config.benchmark}"
        return (
            f"# Scores against true accuracy\n\n"
            f"Candidates of {', '.join(config.candidate_dirs)}. True accuracy: "
            f"{where}. Sums by {config.score_rule}, over the candidates of a "
            f"run. In brackets: {resampling.LEVEL:.0%} percentile-bootstrap "
            f"intervals, {config.resamples:,} resamples of the candidates.\n\n"
        )
