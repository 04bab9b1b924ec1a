"""Does the loss of a task rank architectures as their true accuracy does?

Random architectures of a space with a table of truth, each trained alone and
briefly on one or more tasks, or judged inside the supernets of searches; their
held-out loss after so many steps, parameters and multiply-accumulates against
the accuracies of the table.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator

from maenas_tf.correlation import candidates, loss_report, ranking_tables
from maenas_tf.correlation import statistics as correlation
from maenas_tf.correlation.architectures import draw_architectures
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.correlation.correlation_plot import draw_tau_by_steps
from maenas_tf.correlation.judges import Judges, make_judge
from maenas_tf.correlation.loss_report import predictor, steps_by_task
from maenas_tf.correlation.loss_table import Row, read_losses, sort_rows
from maenas_tf.data.image_source import ImageSource
from maenas_tf.engine.console import ProgressBar, say
from maenas_tf.engine.own_runtime import OwnRuntime
from maenas_tf.engine.runtime import versions
from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.executors import Pool
from maenas_tf.figures import plots
from maenas_tf.runs import files, kinds
from maenas_tf.runs.csv_files import csv_text
from maenas_tf.runs.data_record import check_data, record_data
from maenas_tf.runs.run_directory import RunDirectory, as_begun
from maenas_tf.skeletons import NetworkCosts, evaluation_size
from maenas_tf.spaces import SPACES, Genotype, accuracy_table
from maenas_tf.spaces.true_accuracies import TrueAccuracies
from maenas_tf.tasks import TASKS

# An architecture, and the name of what judges it.
Judgement = tuple[Genotype, str]


@dataclasses.dataclass(frozen=True)
class CorrelateResult:
    """What the experiment found.

    Attributes:
        rows: as in losses.csv; empty where nothing was trained or judged.
        rankings: as in correlation.csv.
        comparisons: of each objective after each number of steps, and of the
            trivial predictors.
        markdown: the report, as in correlation.md.
    """

    rows: list[Row]
    rankings: list[Row]
    comparisons: list[correlation.Comparison]
    markdown: str


class CorrelateExperiment:
    """Trains the architectures and correlates; resumable.

    Args:
        config: the configuration; a run that is older than a setting keeps
            to what held before.
        run_dir: where everything is written.
        images: the images; None loads those of the configuration.
        resume: whether a run that is in `run_dir` goes on.
        signals: looked at every few steps.
        make_pool: makes the workers that judge, of what makes their function
            and its arguments; None judges in this process.

    Raises:
        ConfigError: a setting is wrong, or the true accuracies are not at
            hand.
    """

    def __init__(
        self,
        config: CorrelateConfig,
        run_dir: str | pathlib.Path,
        images: ImageSource | None = None,
        resume: bool = True,
        signals: SignalWatch | None = None,
        make_pool: Callable[..., Pool] | None = None,
    ):
        self.make_pool = make_pool
        self.config = config = as_begun(config, run_dir)
        self.signals = signals or SignalWatch()
        self.space = SPACES.get(config.space)
        self._check_names()
        self.truth = self._true_accuracies()
        self.run_directory = RunDirectory(run_dir, config, resume)
        self.runtime = OwnRuntime()
        with contextlib.ExitStack() as on_error, self.runtime:
            on_error.callback(self.run_directory.close)
            self.judges = Judges(config, images)
            self.images = self.judges.images
            self.identity = None
            if config.tasks:
                self.identity = self.images.identity(config.split)
                check_data(self.run_directory.path, self.identity)
            self.judges.prepare()
            on_error.pop_all()
        self.architectures = draw_architectures(
            self.space, config.num_architectures, config.seed
        )

    def _check_names(self) -> None:
        for name in self.config.tasks:
            TASKS.get_for_flag("task", name)

    def _true_accuracies(self) -> accuracy_table.AccuracyTable:
        name = self.space.name
        truth = TrueAccuracies(self.config.benchmark_file)
        truth.check_used([name])
        return candidates.table_of(
            name, truth, self.config.benchmark, f"--space={name}"
        )

    def run(self) -> CorrelateResult:
        """Trains what is left, and writes the results.

        Raises:
            Interrupted: a signal came; finished architectures are kept.
        """
        try:
            with self.runtime, contextlib.ExitStack() as told:
                if self.images is not None:
                    told.enter_context(self.images.failures_told())
                return self._run()
        finally:
            self.run_directory.close()

    def _run(self) -> CorrelateResult:
        begin, run = time.monotonic(), self.run_directory
        begins = not (run.path / files.CONFIG).exists()
        if self.identity is not None:
            record_data(run.path, self.identity, begins)
        if begins:
            run.write_config(self.config)
        rows = read_losses(run.path)
        num_read = len(rows)
        self._train_rest(rows)
        result = self._correlate(rows)
        if len(rows) > num_read or run.read_summary() is None:
            self._write(result, time.monotonic() - begin, num_read)
        return result

    def _train_rest(self, rows: list[Row]) -> None:
        """Trains what has no rows yet and adds them, in a fixed order."""
        done = {(row["architecture"], row["task"]) for row in rows}
        judges = self.judges.by_name
        total = sum(effort for _, effort in judges.values())
        before = sum(judges[name][1] for _, name in done)
        left = [
            (genotype, name)
            for genotype in self.architectures
            for name in judges
            if (str(genotype), name) not in done
        ]
        if not left:
            return
        judge = self._judge_on_nodes if self.make_pool else self._judge_here
        with ProgressBar(len(self.architectures) * total, before) as bar:
            for (genotype, name), losses in judge(left, bar):
                rows += self._rows(genotype, name, losses)
                sort_rows(rows, self.architectures, list(judges))
                self.run_directory.write_text(files.LOSSES, csv_text(rows))

    def _judge_here(
        self, left: list[Judgement], bar: ProgressBar
    ) -> Iterator[tuple[Judgement, dict[int, float]]]:
        """Judges one after the other."""
        numbers = {g: n for n, g in enumerate(self.architectures, 1)}

        def report(count: int) -> None:
            bar.update(count)
            self._stop_at_signal()

        for genotype, name in left:
            number = f"{numbers[genotype]}/{len(self.architectures)}"
            bar.describe(f"{name}, architecture {number}")
            judge, _ = self.judges.by_name[name]
            yield (genotype, name), judge(genotype, report)

    def _judge_on_nodes(
        self, left: list[Judgement], bar: ProgressBar
    ) -> Iterator[tuple[Judgement, dict[int, float]]]:
        """Judges as many at once as there are workers."""
        calls = [(name, str(genotype)) for genotype, name in left]
        identity = self.identity and self.identity.to_dict()
        facts = self.config.to_json(), identity
        with self.make_pool(make_judge, *facts) as pool:
            if pool.note:
                say(f"note: {pool.note}")
            for place, losses in pool.results(calls, self._stop_at_signal):
                _, name = left[place]
                bar.describe(f"{name}, on the nodes of a cluster")
                bar.update(self.judges.by_name[name][1])
                yield left[place], losses

    def _stop_at_signal(self) -> None:
        if self.signals.received:
            path = self.run_directory.path / files.LOSSES
            raise Interrupted(
                f"stopped by {self.signals.received}; {path} keeps the "
                f"architectures that were finished"
            )

    def _rows(
        self, genotype: Genotype, task: str, losses: dict[int, float]
    ) -> list[Row]:
        costs = NetworkCosts(self.space, evaluation_size(self.space))
        cost = costs.network(genotype)
        return [
            {
                "architecture": str(genotype),
                "task": task,
                "step": step,
                "held_out_loss": loss,
                "true_accuracy": self.truth[accuracy_table.key_of(genotype)],
                "parameters": cost.parameters,
                "macs": cost.macs,
            }
            for step, loss in losses.items()
        ]

    def _correlate(self, rows: list[Row]) -> CorrelateResult:
        config = self.config
        judged = loss_report.judged(rows, self.space.name)
        rankings = candidates.rank(
            judged, [], config.score_rule, config.resamples, config.seed
        )
        return CorrelateResult(
            rows,
            ranking_tables.to_rows(rankings),
            [ranking.compared for ranking in rankings],
            self._report(rankings),
        )

    def _report(self, rankings: list[candidates.Ranking]) -> str:
        objective = next(iter(self.judges.objectives.values()), None)
        return loss_report.head(
            self.config, self.images, objective, self.judges.shared
        ) + ranking_tables.to_markdown(rankings)

    def _write(
        self, result: CorrelateResult, seconds: float, num_read: int
    ) -> None:
        run, config = self.run_directory, self.config
        run.write_text(files.CORRELATION, csv_text(result.rankings))
        run.write_text(files.CORRELATION_TEXT, result.markdown)
        taus = {c.name: c.tau for c in result.comparisons}
        picture = draw_tau_by_steps(
            {
                task: {step: taus[predictor(task, step)] for step in steps}
                for task, steps in steps_by_task(result.rows).items()
            },
            {n: taus[n] for n in (candidates.PARAMETERS, candidates.MACS)},
            config.num_architectures,
        )
        run.write_bytes(files.TAU_PLOT, plots.png_bytes(picture))
        trained = len(
            {
                (row["architecture"], row["task"])
                for row in result.rows[num_read:]
            }
        )
        labels = [shared.num_labels for shared in self.judges.shared]
        facts = {}
        if self.images is not None:
            found = self.images.labels
            labels.append(0 if found is None else len(found))
            facts = {
                "num_images": self.images.num_images,
                "dataset": self.images.name,
            }
        run.write_summary(
            kinds.CORRELATION,
            {
                "num_architectures": config.num_architectures,
                "tasks": list(self.judges.by_name),
                "steps": steps_by_task(result.rows),
                "trainings_of_last_process": trained,
                "seconds_of_last_process": round(seconds, 1),
                **facts,
                "num_labels_read": max(labels),
                "seed": config.seed,
                "versions": versions(),
            },
        )
