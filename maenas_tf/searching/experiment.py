"""A whole search: from a configuration and images to a genotype."""

from __future__ import annotations

import contextlib
import pathlib
from typing import Any

import keras
import numpy as np

from maenas_tf.algorithms import alpha_reading
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.notes import Notes
from maenas_tf.engine.console import say
from maenas_tf.engine.own_runtime import OwnRuntime
from maenas_tf.engine.restart import ONLY_ONE, Restart
from maenas_tf.engine.signals import SignalWatch
from maenas_tf.recording.history import History
from maenas_tf.recording.tensorboard_writer import TensorBoardWriter
from maenas_tf.runs import files, kinds
from maenas_tf.runs.data_record import record_data, write_notes
from maenas_tf.runs.run_directory import RunDirectory, as_begun
from maenas_tf.scores.joint import JointScore
from maenas_tf.searching import early_stop
from maenas_tf.searching.choose import choose, say_what_is_unread
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.deriving import Deriving
from maenas_tf.searching.node_scorer import facts_for_nodes
from maenas_tf.searching.result import SearchResult
from maenas_tf.searching.scoring import make_scorer
from maenas_tf.searching.scoring_places import PoolMaker
from maenas_tf.searching.search_pictures import SearchPictures
from maenas_tf.searching.search_report import SearchReport
from maenas_tf.searching.search_stage import SearchStage
from maenas_tf.searching.search_summary import (
    early_stop_facts,
    selection_facts,
    stage_facts,
)
from maenas_tf.searching.selection_phase import SelectionPhase
from maenas_tf.searching.setup import SearchSetup, make_budget
from maenas_tf.searching.tuning import Tuning
from maenas_tf.spaces import SPACES, Genotype
from maenas_tf.spaces.architectures import Architectures
from maenas_tf.tasks import TASKS


class SearchExperiment:
    """Builds everything a search needs and runs it.

    Args:
        config: the configuration; a run that is older than a setting keeps
            to what held before.
        run_dir: the run directory.
        image_set: the images; None loads those of the configuration.
        resume: whether a run that is in `run_dir` goes on.
        signals: looked at between calls of the graph.
        checkpoint_seconds: longest time between checkpoints.
        restart: which of several searches this is.
        before: a search of the same configuration but for the seed, which has
            ended; its graphs are used again, and it no more.
        notes: as of `SearchSetup`.
        make_pool: makes the workers on nodes that score candidates; None
            scores them in this process.
    """

    def __init__(
        self,
        config: SearchConfig,
        run_dir: str | pathlib.Path,
        image_set: ImageSource | None = None,
        resume: bool = True,
        signals: SignalWatch | None = None,
        checkpoint_seconds: float = 600.0,
        restart: Restart = ONLY_ONE,
        before: SearchExperiment | None = None,
        notes: Notes | None = None,
        make_pool: PoolMaker | None = None,
    ):
        self.make_pool = make_pool
        self.config = config = as_begun(config, run_dir)
        self.space = SPACES.get_for_flag("space", config.space)
        TASKS.get_for_flag("task", config.task)  # Or a directory is made.
        self.algorithm, self.selection_name, self.selection = choose(
            config, self.space
        )
        self.run_directory = RunDirectory(run_dir, config, resume)
        self.restart = restart
        self.tensorboard: TensorBoardWriter | None = None
        self._selected: Genotype | None = None
        self._stop: early_stop.Stop | None = None
        self.runtime = OwnRuntime()
        with contextlib.ExitStack() as on_error, self.runtime:
            on_error.callback(self.run_directory.close)
            self._prepare(image_set, signals, checkpoint_seconds, before, notes)
            on_error.pop_all()

    def _prepare(
        self,
        image_set: ImageSource | None,
        signals: SignalWatch | None,
        checkpoint_seconds: float,
        before: SearchExperiment | None,
        notes: Notes | None,
    ) -> None:
        config = self.config
        self.setup = setup = SearchSetup(
            config,
            self.space,
            self.algorithm,
            self.selection,
            image_set,
            self.run_directory.path,
            before.strategy if before else None,
            notes,
        )
        if before is None:
            say_what_is_unread(config, self.algorithm, self.selection)
        self.strategy, self.images = setup.strategy, setup.images
        self.data, self.steps = setup.data, setup.data.steps
        self.history = History()
        self.budget = make_budget(
            config, self.space, self.algorithm, self.images
        )
        self.deriving = Deriving(self.algorithm, self.space, self.budget)
        self.signals = signals or SignalWatch()
        self.checkpoint_seconds = checkpoint_seconds
        self.stop_rule = None
        if config.early_stop != early_stop.OFF:
            self.stop_rule = early_stop.EarlyStop(
                config.group(early_stop.EarlyStopSettings),
                config.hessian_every,
                setup.stages,
            )
        self._enter(setup.reached(self.run_directory.path), before)

    def _enter(
        self, number: int, before: SearchExperiment | None = None
    ) -> None:
        """Makes what a stage needs.

        Args:
            number: of the stage.
            before: a search whose graphs are used again where they can. Those
                of stages hold what the stages before have left of the
                candidates, which depends on the seed.
        """
        setup = self.setup
        if before is not None and (
            setup.num_stages > 1 or not before.searcher.can_begin_anew
        ):
            before = None
        self.stage = SearchStage(
            setup,
            self.run_directory.path,
            number,
            before.stage if before else None,
        )
        self.searcher = self.stage.searcher
        self.report = SearchReport(setup, number, self.searcher, self.restart)
        self.pictures = SearchPictures(
            self.space,
            self.searcher,
            self.data,
            self.history,
            self.run_directory,
        )
        self.loop = self.stage.make_loop(
            self._end_epoch,
            self.signals,
            self.checkpoint_seconds,
            self.report.images_per_step,
            self.restart,
            before.loop if before else None,
        )

    def _look_whether_to_stop(self) -> None:
        if self.stop_rule is not None:
            self._stop = self.stop_rule.found(self.history.rows)
            self.loop.ended = self._stop is not None

    @property
    def _tunes(self) -> bool:
        return self.selection.tunes and self.config.tuning_epochs > 0

    def run(self) -> SearchResult:
        """Runs the search, or what is left of it.

        Raises:
            Interrupted: a signal came; a checkpoint was written.
            Diverged: a loss was not finite.
        """
        try:
            with self.runtime, self.images.failures_told():
                return self._run()
        finally:
            self.run_directory.close()

    def _run(self) -> SearchResult:
        run, setup = self.run_directory, self.setup
        resumed = self.loop.restore()
        first_epoch = self.stage.first_epoch + self.loop.state["epoch"]
        self.history.resume(run, first_epoch, self.algorithm.trains_alphas)
        record_data(run.path, setup.identity, begins=not resumed)
        write_notes(run.path, setup.notes)
        self._look_whether_to_stop()
        ended = self.loop.ended or first_epoch == setup.epochs
        if not resumed:
            run.write_config(self.config)
        elif not ended:
            step = self.loop.state["step"]
            say(f"going on after {step} steps of epoch {first_epoch + 1}")
        if not ended or run.read_summary() is None:
            tensorboard = str(run.path / files.TENSORBOARD)
            with TensorBoardWriter(
                tensorboard,
                self.space,
                first_epoch,
                self.algorithm.trains_alphas,
            ) as self.tensorboard:
                self._run_stages(resumed)
                self._finish(self._select())
        return self.result()

    def _run_stages(self, resumed: bool) -> None:
        """Runs what is left of the stages; the first may be going on."""
        number = self.stage.number
        while True:
            if not resumed:
                self.loop.save()
            self.loop.run()
            number += 1
            if number == self.setup.num_stages:
                return
            self._enter(number)
            resumed = False

    def result(self) -> SearchResult:
        """Returns what a finished search has found."""
        arrays = self.history.stacked_arrays()
        prefix = "alphas_"
        summary = self.run_directory.read_summary() or {}
        return SearchResult(
            genotype=self._selected or self._read_genotype(summary),
            history=list(self.history.rows),
            alphas={
                name.removeprefix(prefix): array
                for name, array in arrays.items()
                if name.startswith(prefix)
            },
            summary=summary,
        )

    def _read_genotype(self, summary: dict[str, Any]) -> Genotype:
        """Returns what a search that an earlier process ended has found."""
        if self.selection.scores:
            return Genotype.from_dict(summary["genotype"])
        return self._genotype()

    def _weights(self) -> dict[str, np.ndarray]:
        """Returns the weights that the architecture is read off.

        Of the epochs that the history holds, or of those that count where
        the search has stopped.
        """
        arrays = self.history.stacked_arrays()
        count = self._stop.genotype_epoch + 1 if self._stop else None
        return {
            kind.name: alpha_reading.mean_weights(
                arrays[f"weights_{kind.name}"][:count],
                self.stage.unmoved_epochs,
                self.config.alpha_average,
            )
            for kind in self.space.cell_types
        }

    def _genotype(self) -> Genotype:
        return self.deriving.best(self._weights())

    def _select(self) -> dict[str, Any]:
        """Chooses among candidates by their loss, where that is asked for.

        Returns:
            As `SelectionPhase.run`; empty where the alphas tell.
        """
        if not self.selection.scores:
            return {}
        architecture = self.searcher.supernet.architecture
        weights = {} if architecture is None else architecture.numpy()
        found = SelectionPhase(
            self.selection,
            Architectures(self.space),
            self.budget,
            self.config.seed,
            self.run_directory,
            self.signals,
            self._weights() if self.selection.reads_alphas else weights,
            self.loop.workers,
            self.make_pool,
            self._facts_for_nodes,
        ).run(
            self.make_scorer,
            self._make_tuning if self._tunes else None,
        )
        self._selected = genotype = found["genotype"]
        self.run_directory.write_genotype(genotype)
        self.tensorboard.write_epoch(
            self.setup.epochs, {}, None, genotype, self.pictures.draw(genotype)
        )
        return found

    def _facts_for_nodes(self) -> tuple[Any, ...]:
        return facts_for_nodes(
            self.config,
            self.setup.identity,
            self.setup.notes.arrays,
            [
                keras.ops.convert_to_numpy(variable)
                for variable in self.searcher.variables
            ],
        )

    def _make_tuning(self, most: int) -> Tuning:
        return Tuning(
            self.searcher,
            self.strategy,
            self.config,
            lambda epoch, step: self.data.epoch(
                self.setup.epochs + epoch, step
            ),
            self.run_directory,
            self.steps,
            most,
            self.signals,
        )

    def make_scorer(self) -> JointScore:
        """Returns what judges candidates of the selection."""
        return make_scorer(
            self.selection.score,
            self.config,
            self.space,
            self.images,
            self.budget.size,
            self.searcher,
            self.data.judging,
            self.selection.full_size,
        )

    def _end_epoch(
        self, epoch: int, means: dict[str, float], seconds: float
    ) -> None:
        architecture = self.searcher.supernet.architecture
        weights, genotype = {}, None
        if architecture is not None:
            weights = architecture.numpy()
            arrays = {f"weights_{k}": v for k, v in weights.items()}
            for name, variable in architecture.arrays.items():
                arrays[name] = keras.ops.convert_to_numpy(variable)
            self.history.append_arrays(arrays)
            genotype = self._genotype()
        row = self.report.row(epoch, means, seconds, weights, genotype)
        row.update(self.stage.hessian.columns(epoch))
        self.history.append_row(row)
        self.history.write(self.run_directory)
        if genotype is not None:
            self.run_directory.write_genotype(genotype)
        self.tensorboard.write_epoch(
            epoch,
            self.report.scalars(row),
            weights or None,
            genotype,
            self.pictures.draw(genotype),
        )
        self.report.say_epoch(row, means, genotype)
        self._look_whether_to_stop()

    def _finish(self, selected: dict[str, Any]) -> None:
        rows = self.history.rows
        summary = stage_facts(self.stage, self.loop, rows)
        if selected:
            genotype = strongest = selected.pop("genotype")
            summary |= selection_facts(
                self.selection_name, selected, summary["seconds_search"]
            )
        else:
            weights = self._weights()
            genotype = self.deriving.best(weights)
            strongest = self.deriving.strongest(weights)
        if self._stop is not None:
            say(early_stop.describe(self._stop, self.stop_rule.settings))
            self.run_directory.write_genotype(genotype)
            self.pictures.draw(genotype)
        if self.stop_rule is not None:
            summary |= early_stop_facts(self._stop)
        if warning := self.report.overfit_warning(rows[-1]):
            summary["warning"] = warning
        summary |= {
            "genotype": genotype.to_dict(),
            "evaluation_network": self.budget.report(strongest, genotype),
        }
        final = {"weight_loss": float(rows[-1]["weight_loss"])}
        if rows[-1].get("alpha_loss", "") != "":
            final["alpha_loss"] = float(rows[-1]["alpha_loss"])
        self.tensorboard.write_hparams(self.config.to_dict(), final)
        self.run_directory.write_summary(kinds.SEARCH, summary)
