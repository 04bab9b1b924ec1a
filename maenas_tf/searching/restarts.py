"""Several searches of different seeds, and what their mean says.

Where the architecture weights are close to each other, the seed decides which
candidate is the strongest; it decides less about their mean over searches
(see `maenas_tf.searching.consensus`).
"""

from __future__ import annotations

import contextlib
import pathlib
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from maenas_tf.config import ConfigError
from maenas_tf.data.image_source import ImageSource
from maenas_tf.engine.console import say
from maenas_tf.engine.restart import Restart
from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.figures import plots
from maenas_tf.recording.history import History
from maenas_tf.runs import atomic, files, kinds
from maenas_tf.runs.data_record import (
    check_data,
    read_notes,
    record_data,
    write_notes,
)
from maenas_tf.runs.run_directory import RunDirectory, as_begun
from maenas_tf.runs.run_reader import NotUsable, read_run
from maenas_tf.runs.run_record import RunRecord
from maenas_tf.searching import mean_history
from maenas_tf.searching.choose import choose
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.consensus import mean_of_searches
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.searching.node_scorer import facts_for_nodes
from maenas_tf.searching.result import SearchResult
from maenas_tf.searching.scoring import make_scorer
from maenas_tf.searching.scoring_places import PoolMaker
from maenas_tf.searching.search_summary import selection_facts
from maenas_tf.searching.selection_phase import SelectionPhase
from maenas_tf.spaces import SPACES, Genotype
from maenas_tf.spaces.architectures import Architectures, EdgeWeights
from maenas_tf.tasks import TASKS


class RestartedExperiment:
    """Makes `restarts` searches and reads one architecture off their mean.

    Restart i is, to the bit, the search of the seed `seed + i`, in a run
    directory of its own inside this one. What it needs of graphs is traced
    by the first that this process runs (those of P-DARTS' stages by each).
    What the whole leaves is as of a search: of each epoch the mean over the
    restarts that have ended.

    Args: as `SearchExperiment`.
    """

    def __init__(
        self,
        config: SearchConfig,
        run_dir: str | pathlib.Path,
        image_set: ImageSource | None = None,
        resume: bool = True,
        signals: SignalWatch | None = None,
        checkpoint_seconds: float = 600.0,
        make_pool: PoolMaker | None = None,
    ):
        self.make_pool = make_pool
        self.config = config = as_begun(config, run_dir)
        _, self.selection_name, self.selection = choose(
            config, SPACES.get_for_flag("space", config.space)
        )
        TASKS.get_for_flag("task", config.task)  # Or a directory is made.
        self.signals = signals or SignalWatch()
        self.checkpoint_seconds = checkpoint_seconds
        self.run_directory = RunDirectory(run_dir, config, resume)
        self.history = History()
        with contextlib.ExitStack() as on_error:
            on_error.callback(self.run_directory.close)
            self.search = self._make(self._reached(), image_set)
            on_error.callback(self.search.run_directory.close)
            self.identity = self.search.setup.identity
            check_data(self.run_directory.path, self.identity)
            on_error.pop_all()

    def _path(self, number: int) -> pathlib.Path:
        return self.run_directory.path / files.restart(number)

    def _reached(self) -> int:
        """Returns the number of the restart that is to go on."""
        last = self.config.restarts - 1
        for number in range(last):
            if not (self._path(number) / files.SUMMARY).exists():
                return number
        return last

    def _make(
        self,
        number: int,
        image_set: ImageSource | None,
        before: SearchExperiment | None = None,
    ) -> SearchExperiment:
        restart = Restart(number, self.config.restarts)
        seed = self.config.seed + number
        if self.run_directory.read_summary() is None:
            say(f"{restart.words}seed {seed}")
        return SearchExperiment(
            self.config.replace(seed=seed, restarts=1),
            self._path(number),
            image_set,
            signals=self.signals,
            checkpoint_seconds=self.checkpoint_seconds,
            restart=restart,
            before=before,
            notes=read_notes(self.run_directory.path),
            make_pool=self.make_pool,
        )

    def run(self) -> SearchResult:
        """Runs the restarts, or what is left of them.

        Raises:
            Interrupted: a signal came; a checkpoint was written.
            Diverged: a loss was not finite.
        """
        try:
            return self._run()
        finally:
            self.run_directory.close()

    def _run(self) -> SearchResult:
        run = self.run_directory
        begins = not (run.path / files.CONFIG).exists()
        record_data(run.path, self.identity, begins)
        write_notes(run.path, self.search.setup.notes)
        if begins:
            run.write_config(self.config)
        while True:
            self.search.run()
            number = self.search.restart.number
            self._average(number + 1)
            if number + 1 == self.config.restarts:
                break
            self.search.loop.workers.agree(self.signals)
            if self.signals.received:
                raise Interrupted(
                    f"stopped by {self.signals.received} after restart "
                    f"{number + 1} of {self.config.restarts}; {run.path} "
                    f"keeps what it found"
                )
            self.search = self._make(
                number + 1, self.search.images, self.search
            )
        summary = run.read_summary()
        alphas = {
            name.removeprefix("alphas_"): array
            for name, array in self.history.stacked_arrays().items()
            if name.startswith("alphas_")
        }
        genotype = Genotype.from_dict(summary["genotype"])
        return SearchResult(genotype, self.history.rows, alphas, summary)

    def _average(self, count: int) -> None:
        """Writes what the first restarts have found together.

        Args:
            count: of the restarts, which have all ended.
        """
        records, stacks = zip(*map(self._read, range(count)), strict=True)
        arrays = mean_history.mean_arrays(records, stacks)
        self.history = History()
        for row in mean_history.mean_rows(
            records, arrays, self.search.deriving.best
        ):
            epoch = len(self.history.rows)
            self.history.append_row(row)
            self.history.append_arrays({k: a[epoch] for k, a in arrays.items()})
        if self.run_directory.read_summary() is None:
            weights = mean_of_searches(records)
            genotype = self.search.deriving.best(weights)
            say(f"mean of {count}/{self.config.restarts}: {genotype}")
            self._write(genotype, weights)
            if count == self.config.restarts:
                self._finish(records, weights)

    def _select(self, weights: EdgeWeights) -> dict[str, Any]:
        """Judges the candidates that the mean proposes, if it does.

        Returns:
            As `SelectionPhase.run`; empty where the mean tells.

        Raises:
            Interrupted: a signal came; what was scored is kept.
        """
        if not self.selection.scores:
            return {}
        search = self.search
        phase = SelectionPhase(
            self.selection,
            Architectures(search.space),
            search.budget,
            self.config.seed,
            self.run_directory,
            self.signals,
            weights,
            search.loop.workers,
            self.make_pool,
            lambda: facts_for_nodes(
                self.config, self.identity, search.setup.notes.arrays
            ),
        )
        with search.runtime, search.images.failures_told():
            found = phase.run(
                lambda: make_scorer(
                    self.selection.score,
                    self.config,
                    search.space,
                    search.images,
                    search.budget.size,
                    full_size=self.selection.full_size,
                )
            )
        self._write(found["genotype"], weights)
        return found

    def _read(self, number: int) -> tuple[RunRecord, dict[str, np.ndarray]]:
        """Returns what a restart has left, and its arrays of alphas.npz.

        Raises:
            ConfigError: a file of it cannot be read.
        """
        name, path = files.restart(number), self._path(number)
        try:
            record = read_run(path, name, SearchConfig.unsaid())
            with np.load(path / files.ALPHAS) as arrays:
                return record, dict(arrays)
        except (NotUsable, OSError, ValueError, zipfile.BadZipFile) as error:
            raise ConfigError(
                f"--run_dir={self.run_directory.path} holds a {name} that "
                f"cannot be used ({error}); remove it, and the same command "
                f"makes that search again."
            ) from error

    def _write(self, genotype: Genotype, weights: EdgeWeights) -> None:
        run = self.run_directory
        self.history.write(run)
        atomic.write_arrays(run.path / files.WEIGHTS, weights)
        run.write_genotype(genotype)
        arrays, drawn = self.history.stacked_arrays(), []
        for kind in self.search.space.cell_types:
            picture = plots.draw_cell(genotype, kind.name)
            run.write_bytes(
                files.cell_plot(kind.name), plots.png_bytes(picture)
            )
            stack = arrays[f"{mean_history.WEIGHTS}{kind.name}"]
            drawn.append(plots.draw_alpha_history(stack, kind))
        picture = plots.stack_images(drawn)
        run.write_bytes(files.ALPHAS_PLOT, plots.png_bytes(picture))

    def _finish(
        self,
        records: Sequence[RunRecord],
        weights: EdgeWeights,
    ) -> None:
        deriving = self.search.deriving
        genotype, strongest = (
            deriving.best(weights),
            deriving.strongest(weights),
        )
        summary = mean_history.mean_summary(records, self.history.rows)
        selected = self._select(weights)
        if selected:
            genotype = strongest = selected.pop("genotype")
            summary |= selection_facts(
                self.selection_name, selected, summary["seconds_search"]
            )
        if warning := self.search.report.overfit_warning(self.history.rows[-1]):
            summary["warning"] = warning
        summary |= {
            "genotype": genotype.to_dict(),
            "evaluation_network": self.search.budget.report(
                strongest, genotype
            ),
            "seed": self.config.seed,
        }
        self.run_directory.write_summary(kinds.SEARCH, summary)
