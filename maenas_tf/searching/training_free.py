"""A search that trains nothing: candidates are proposed, judged, and one is
taken."""

from __future__ import annotations

import contextlib
import pathlib
from typing import Any

from maenas_tf.config import MULTI_WORKER, ConfigError
from maenas_tf.data.image_source import ImageSource
from maenas_tf.engine.own_runtime import OwnRuntime
from maenas_tf.engine.runtime import (
    load_configured,
    memory_mb,
    run_facts,
    start_runtime,
)
from maenas_tf.engine.signals import SignalWatch
from maenas_tf.figures import plots
from maenas_tf.runs import files, kinds
from maenas_tf.runs.data_record import check_data, record_data
from maenas_tf.runs.run_directory import RunDirectory, as_begun
from maenas_tf.scores.joint import JointScore
from maenas_tf.searching.choose import choose, say_what_is_unread
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.node_scorer import facts_for_nodes
from maenas_tf.searching.result import SearchResult
from maenas_tf.searching.scoring import make_scorer
from maenas_tf.searching.scoring_places import PoolMaker
from maenas_tf.searching.search_summary import selection_facts
from maenas_tf.searching.selection_phase import SelectionPhase
from maenas_tf.searching.setup import make_budget
from maenas_tf.skeletons import search_cells
from maenas_tf.spaces import SPACES, Genotype
from maenas_tf.spaces.architectures import Architectures


class TrainingFreeExperiment:
    """Selects by scores of networks as they are initialised.

    The run directory is that of a search, without what a training leaves
    behind: history, checkpoints, TensorBoard.

    Args:
        config: the configuration.
        run_dir: the run directory.
        image_set: the images; None loads those of the configuration.
        resume: whether a run that is in `run_dir` goes on.
        signals: looked at between candidates.
        checkpoint_seconds: taken for what every experiment takes; what was
            scored is kept every few seconds.
        make_pool: makes the workers on nodes that score candidates; None
            scores them in this process.

    Raises:
        ConfigError: settings and images do not fit together.
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
        del checkpoint_seconds
        self.make_pool = make_pool
        if config.strategy == MULTI_WORKER:
            raise ConfigError(
                f"--strategy={config.strategy} shares out the images of "
                f"training steps, and --algorithm={config.algorithm} trains "
                f"nothing; give it to one process, with --strategy=one_device."
            )
        self.config = config = as_begun(config, run_dir)
        self.space = SPACES.get_for_flag("space", config.space)
        algorithm, self.selection_name, self.selection = choose(
            config, self.space
        )
        self.signals = signals or SignalWatch()
        self.run_directory = RunDirectory(run_dir, config, resume)
        self.runtime = OwnRuntime()
        with contextlib.ExitStack() as on_error, self.runtime:
            on_error.callback(self.run_directory.close)
            start_runtime(config)
            self.images = image_set or load_configured(config, False)
            self.identity = self.images.identity(config.split)
            check_data(self.run_directory.path, self.identity)
            self.budget = make_budget(
                config, self.space, algorithm, self.images
            )
            say_what_is_unread(config, algorithm, self.selection)
            on_error.pop_all()

    def run(self) -> SearchResult:
        """Runs the search, or what is left of it.

        Raises:
            Interrupted: a signal came; what was scored is kept.
        """
        try:
            with self.runtime, self.images.failures_told():
                summary = self.run_directory.read_summary()
                if summary is None:
                    summary = self._run()
        finally:
            self.run_directory.close()
        genotype = Genotype.from_dict(summary["genotype"])
        return SearchResult(genotype, [], {}, summary)

    def make_scorer(self) -> JointScore:
        """Returns what judges candidates."""
        return make_scorer(
            self.selection.score,
            self.config,
            self.space,
            self.images,
            self.budget.size,
        )

    def _run(self) -> dict[str, Any]:
        run, config = self.run_directory, self.config
        begins = not (run.path / files.CONFIG).exists()
        record_data(run.path, self.identity, begins)
        if begins:
            run.write_config(config)
        phase = SelectionPhase(
            self.selection,
            Architectures(self.space),
            self.budget,
            config.seed,
            run,
            self.signals,
            {},
            make_pool=self.make_pool,
            facts=lambda: facts_for_nodes(config, self.identity),
        )
        found = phase.run(self.make_scorer)
        genotype = found.pop("genotype")
        run.write_genotype(genotype)
        for kind in self.space.cell_types:
            picture = plots.draw_cell(genotype, kind.name)
            run.write_bytes(
                files.cell_plot(kind.name), plots.png_bytes(picture)
            )
        run.write_summary(
            kinds.SEARCH,
            {
                "genotype": genotype.to_dict(),
                "peak_memory_mb": round(memory_mb("VmHWM"), 1),
                "steps": 0,
                **selection_facts(self.selection_name, found, 0.0),
                "evaluation_network": self.budget.report(genotype, genotype),
                **run_facts(config.seed, self.images),
                "num_labels_read": 0,
                "num_cells": search_cells(self.space, config.num_cells),
            },
        )
        return run.read_summary()
