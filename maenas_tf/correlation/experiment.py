"""Does the loss of a task rank architectures as their true accuracy does?

Random cells of NAS-Bench-201, each trained alone and briefly on one or more
tasks, or judged inside the supernets of searches; their held-out loss after
so many steps, parameters and multiply-accumulates against the accuracies of
the benchmark.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Callable

import numpy as np

from maenas_tf.config import ConfigError
from maenas_tf.config.random_streams import ARCHITECTURES
from maenas_tf.correlation import statistics as correlation
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.correlation.correlation_plot import draw_tau_by_steps
from maenas_tf.correlation.loss_table import Row, read_losses
from maenas_tf.correlation.proxy import Objective
from maenas_tf.correlation.weight_sharing import SharedWeights
from maenas_tf.data.image_source import ImageSource
from maenas_tf.engine.console import ProgressBar
from maenas_tf.engine.devices import configure_runtime
from maenas_tf.engine.own_runtime import OwnRuntime
from maenas_tf.engine.runtime import load_configured, versions
from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.figures import plots
from maenas_tf.runs import files, kinds
from maenas_tf.runs.csv_files import csv_text
from maenas_tf.runs.data_record import check_data, record_data
from maenas_tf.runs.run_directory import RunDirectory, as_begun
from maenas_tf.skeletons import NetworkCosts, evaluation_size
from maenas_tf.spaces import SPACES, Genotype, benchmark201
from maenas_tf.tasks import TASKS

SPACE = SPACES.get("nasbench201")
BASELINE = "MACs"


@dataclasses.dataclass(frozen=True)
class CorrelateResult:
    """What the experiment found.

    Attributes:
        rows: as in losses.csv.
        comparisons: of each objective after each number of steps, and of the
            trivial predictors.
        markdown: the report, as in correlation.md.
    """

    rows: list[Row]
    comparisons: list[correlation.Comparison]
    markdown: str


def draw_architectures(count: int, seed: int) -> list[Genotype]:
    """Returns different random cells; more of them begin with the fewer."""
    rng = ARCHITECTURES.generator(seed)
    found: dict[Genotype, None] = {}
    while len(found) < count:
        found.setdefault(SPACE.random_genotype(rng))
    return list(found)


class CorrelateExperiment:
    """Trains the architectures and correlates; resumable.

    Args:
        config: the configuration; a run that is older than a setting keeps
            to what held before.
        run_dir: where everything is written.
        images: the images; None loads those of the configuration.
        resume: whether a run that is in `run_dir` goes on.
        signals: looked at every few steps.

    Raises:
        ConfigError: a setting is wrong, or the benchmark is not installed.
    """

    def __init__(
        self,
        config: CorrelateConfig,
        run_dir: str | pathlib.Path,
        images: ImageSource | None = None,
        resume: bool = True,
        signals: SignalWatch | None = None,
    ):
        self.config = config = as_begun(config, run_dir)
        self.signals = signals or SignalWatch()
        self._check_names()
        self.run_directory = RunDirectory(run_dir, config, resume)
        self.runtime = OwnRuntime()
        with contextlib.ExitStack() as on_error, self.runtime:
            on_error.callback(self.run_directory.close)
            self.shared = [
                SharedWeights(path, SPACE.name, config.held_out_images)
                for path in config.supernet_dirs
            ]
            configure_runtime(config)
            self.images, self.objectives = images, {}
            self.identity = None
            if config.tasks:
                labels = any(TASKS.get(t).reads_labels for t in config.tasks)
                self.images = images or load_configured(config, labels)
                self.identity = self.images.identity(config.split)
                check_data(self.run_directory.path, self.identity)
                self.objectives = {
                    name: Objective(config, name, self.images)
                    for name in config.tasks
                }
            on_error.pop_all()
        self.architectures = draw_architectures(
            config.num_architectures, config.seed
        )

    @property
    def judges(self) -> dict[str, tuple[Callable, int]]:
        """Name to what gives an architecture's losses, and its effort."""
        trained = {
            name: (objective.train, self.config.steps[-1])
            for name, objective in self.objectives.items()
        }
        return trained | {s.name: (s.judge, 1) for s in self.shared}

    def _check_names(self) -> None:
        for name in self.config.tasks:
            TASKS.get_for_flag("task", name)
        try:
            benchmark201.load_table(self.config.benchmark)
        except ImportError as error:
            raise ConfigError(f"--benchmark: {error}") from error

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
        total = sum(effort for _, effort in self.judges.values())
        before = sum(self.judges[name][1] for _, name in done)
        with ProgressBar(len(self.architectures) * total, before) as bar:
            for number, genotype in enumerate(self.architectures, 1):
                for name, (judge, _) in self.judges.items():
                    if (str(genotype), name) in done:
                        continue
                    bar.describe(
                        f"{name}, architecture {number}/"
                        f"{len(self.architectures)}"
                    )
                    losses = judge(genotype, self._reporter(bar))
                    rows += self._rows(genotype, name, losses)
                    self.run_directory.write_text(files.LOSSES, csv_text(rows))

    def _reporter(self, bar: ProgressBar):
        def report(count: int) -> None:
            bar.update(count)
            if self.signals.received:
                path = self.run_directory.path / files.LOSSES
                raise Interrupted(
                    f"stopped by {self.signals.received}; {path} keeps the "
                    f"architectures that were finished"
                )

        return report

    def _rows(
        self, genotype: Genotype, task: str, losses: dict[int, float]
    ) -> list[Row]:
        costs = NetworkCosts(SPACE, evaluation_size(SPACE))
        cost = costs.network(genotype)
        return [
            {
                "architecture": str(genotype),
                "task": task,
                "step": step,
                "held_out_loss": loss,
                "true_accuracy": benchmark201.true_accuracy(
                    genotype, self.config.benchmark
                ),
                "parameters": cost.parameters,
                "macs": cost.macs,
            }
            for step, loss in losses.items()
        ]

    def _correlate(self, rows: list[Row]) -> CorrelateResult:
        config = self.config
        one_each = {row["architecture"]: row for row in rows}
        by_key = {
            (row["architecture"], row["task"], row["step"]): row for row in rows
        }
        predictors = {}
        for task, steps in _steps_by_task(rows).items():
            for step in steps:
                losses = [
                    by_key[name, task, step]["held_out_loss"]
                    for name in one_each
                ]
                # What diverged ranks last.
                predictors[_predictor(task, step)] = [
                    -loss if np.isfinite(loss) else -np.inf for loss in losses
                ]
        for name, column in (("parameters", "parameters"), (BASELINE, "macs")):
            predictors[name] = [row[column] for row in one_each.values()]
        comparisons = correlation.compare(
            predictors,
            [row["true_accuracy"] for row in one_each.values()],
            BASELINE,
            config.resamples,
            seed=config.seed,
        )
        return CorrelateResult(rows, comparisons, self._report(comparisons))

    def _report(self, comparisons: list[correlation.Comparison]) -> str:
        config = self.config
        table = correlation.to_markdown(comparisons, BASELINE)
        return (
            f"# Held-out loss against true accuracy\n\n"
            f"{config.num_architectures} random cells of NAS-Bench-201 (seed "
            f"{config.seed}).{self._trained_alone()}{self._inside()} The loss "
            f"is negated. True accuracy: validation, {config.benchmark}, "
            f"200 epochs. Parameters and MACs: of the benchmark's network.\n\n"
            f"In brackets: {correlation.LEVEL:.0%} percentile-bootstrap "
            f"intervals, {config.resamples:,} resamples of the cells, the "
            f"same for all predictors.\n\n{table}"
        )

    def _trained_alone(self) -> str:
        config = self.config
        if not config.tasks:
            return ""
        objective = self.objectives[config.tasks[0]]
        return (
            f" Each trained alone at C={config.init_channels}, "
            f"{config.num_cells} cell(s) a stage, on "
            f"{self.images.num_images // 2:,} images of {self.images.name}, "
            f"batch {config.batch_size}, SGD with momentum {config.momentum} "
            f"at a constant rate of {config.weight_learning_rate}; the loss "
            f"is the mean over {objective.num_held_out:,} images of the other "
            f"half."
        )

    def _inside(self) -> str:
        return "".join(
            f" {shared.name}: with the weights of that search's supernet "
            f"after {shared.step:,} steps, mean over {shared.num_held_out:,} "
            f"images that trained no weight."
            for shared in self.shared
        )

    def _write(
        self, result: CorrelateResult, seconds: float, num_read: int
    ) -> None:
        run, config = self.run_directory, self.config
        run.write_text(
            files.CORRELATION,
            csv_text(correlation.to_rows(result.comparisons)),
        )
        run.write_text(files.CORRELATION_TEXT, result.markdown)
        taus = {c.name: c.tau for c in result.comparisons}
        picture = draw_tau_by_steps(
            {
                task: {step: taus[_predictor(task, step)] for step in steps}
                for task, steps in _steps_by_task(result.rows).items()
            },
            {name: taus[name] for name in ("parameters", BASELINE)},
            config.num_architectures,
        )
        run.write_bytes(files.TAU_PLOT, plots.png_bytes(picture))
        trained = len(
            {
                (row["architecture"], row["task"])
                for row in result.rows[num_read:]
            }
        )
        labels = [shared.num_labels for shared in self.shared]
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
                "tasks": list(self.judges),
                "steps": _steps_by_task(result.rows),
                "trainings_of_last_process": trained,
                "seconds_of_last_process": round(seconds, 1),
                **facts,
                "num_labels_read": max(labels),
                "seed": config.seed,
                "versions": versions(),
            },
        )


def _steps_by_task(rows: list[Row]) -> dict[str, list[int]]:
    """Returns each task with the steps that its losses were read after."""
    found: dict[str, dict[int, None]] = {}
    for row in rows:
        found.setdefault(row["task"], {}).setdefault(row["step"])
    return {task: list(steps) for task, steps in found.items()}


def _predictor(task: str, step: int) -> str:
    return f"{task}, {step} steps"
