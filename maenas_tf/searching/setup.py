"""What a search's configuration stands for, before anything is trained."""

from __future__ import annotations

import pathlib

import numpy as np

from maenas_tf.algorithms import Algorithm, Stage, skip_limit
from maenas_tf.config import ConfigError
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.notes import Notes
from maenas_tf.engine.checkpoints import read_state
from maenas_tf.engine.devices import Strategy
from maenas_tf.engine.runtime import load_configured, start_runtime
from maenas_tf.runs import files
from maenas_tf.runs.data_record import check_data, read_notes
from maenas_tf.searching.choose import choose, of_supernet
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.search_images import SearchImages
from maenas_tf.selection.constraints import Budget, Limits
from maenas_tf.selection.selection import Selection
from maenas_tf.skeletons import evaluation_size, search_cells
from maenas_tf.spaces import SPACES, Space
from maenas_tf.spaces.candidates import Candidates
from maenas_tf.tasks import TASKS
from maenas_tf.tasks.objective import build_task


def make_budget(
    config: SearchConfig,
    space: Space,
    algorithm: Algorithm,
    images: ImageSource,
) -> Budget:
    """Returns the network of the evaluation and its limits.

    Args:
        config: names them.
        space: that it names.
        algorithm: that it names.
        images: that the network is for.

    Raises:
        ConfigError: there is no such network.
    """
    size = evaluation_size(
        space,
        config.stem,
        config.eval_init_channels,
        config.eval_num_cells,
        images.image_size,
        images.num_classes,
    )
    skips = skip_limit.allowed(algorithm, space, config.max_skips)
    limits = Limits(config.max_parameters, config.max_macs, skips)
    return Budget(space, size, limits)


class SearchSetup:
    """Space, algorithm, images and stages of a search.

    Args:
        config: the configuration.
        space: that it names.
        algorithm: that it names.
        selection: that it names.
        image_set: the images; None loads those of the configuration.
        run_dir: of the search; the images must be those that it has read.
        strategy: of a search before, whose network this one goes on with;
            None makes one.
        notes: what is known of the images; None reads those of `run_dir`.

    Attributes:
        strategy: under whose scope networks are made.
        images: all of them.
        identity: what tells them from those of another run.
        task: made for the images.
        data: the images as they are trained on and judged by.
        stages: of the search.

    Raises:
        ConfigError: settings, images and devices do not fit together.
    """

    def __init__(
        self,
        config: SearchConfig,
        space: Space,
        algorithm: Algorithm,
        selection: Selection,
        image_set: ImageSource | None,
        run_dir: pathlib.Path,
        strategy: Strategy | None = None,
        notes: Notes | None = None,
    ):
        self.config = config
        self.space = space
        self.algorithm = algorithm
        self.selection = selection
        self.strategy = start_runtime(config, strategy)
        self.notes = read_notes(run_dir) if notes is None else notes
        self.images = image_set or load_configured(
            config,
            TASKS.get_for_flag("task", config.task).reads_labels,
            self.notes,
        )
        self.identity = self.images.identity(config.split)
        check_data(run_dir, self.identity)
        self.task = build_task(
            config,
            space,
            self.images.image_size,
            self.images.num_classes,
            self.images.class_counts,
        )
        self.data = SearchImages(
            self.images, self.task, config, algorithm, selection
        )
        self.stages = tuple(algorithm.stages(self._whole()))
        by_one = not selection.reads_alphas or (
            selection.scores and of_supernet(selection)
        )
        if by_one and self.num_stages > 1:
            raise ConfigError(
                f"--selection={config.selection} judges all architectures by "
                f"one network, and --algorithm={config.algorithm} searches in "
                f"{self.num_stages} stages; use --selection=alphas."
            )

    @classmethod
    def of(cls, config: SearchConfig, run_dir: pathlib.Path) -> SearchSetup:
        """Returns what a configuration stands for, of a run that is there."""
        space = SPACES.get_for_flag("space", config.space)
        algorithm, _, selection = choose(config, space)
        return cls(config, space, algorithm, selection, None, run_dir)

    def _whole(self) -> Stage:
        """Returns the search in one stage."""
        config = self.config
        warmup = config.warmup_epochs
        if warmup < 0:
            fraction = self.algorithm.warmup_fraction
            if fraction is None:
                fraction = self.task.warmup_fraction
            warmup = int(fraction * config.epochs)
        num_cells = config.num_cells or self.algorithm.num_cells
        num_cells = search_cells(self.space, num_cells)
        return Stage(config.epochs, warmup, num_cells)

    @property
    def num_stages(self) -> int:
        """How many stages there are."""
        return len(self.stages)

    @property
    def epochs(self) -> int:
        """The epochs of all stages."""
        return self.first_epoch(self.num_stages)

    def first_epoch(self, number: int) -> int:
        """Returns how many epochs there are before a stage."""
        return sum(stage.epochs for stage in self.stages[:number])

    def checkpoints(self, run_dir: pathlib.Path, number: int) -> pathlib.Path:
        """Returns where a stage's checkpoints are."""
        path = run_dir / files.CHECKPOINTS
        return path if self.num_stages == 1 else path / f"stage_{number}"

    def reached(self, run_dir: pathlib.Path) -> int:
        """Returns the number of the stage that a run is in."""
        for number, stage in enumerate(self.stages[:-1]):
            state = read_state(self.checkpoints(run_dir, number))
            if state is None or state["epoch"] < stage.epochs:
                return number
        return self.num_stages - 1

    def candidates(self, run_dir: pathlib.Path, number: int) -> Candidates:
        """Returns those of a stage, from the weights of the stages before."""
        left = self.algorithm.first_candidates(self.space)
        if not number:
            return left
        try:
            with np.load(run_dir / files.ALPHAS) as arrays:
                stacks = {kind: arrays[f"weights_{kind}"] for kind in left}
            for i, stage in enumerate(self.stages[:number]):
                last = self.first_epoch(i + 1) - 1
                weights = {kind: stack[last] for kind, stack in stacks.items()}
                left = self.algorithm.narrow(stage, left, weights)
        except (OSError, LookupError) as error:
            raise ConfigError(
                f"--run_dir={run_dir} holds an {files.ALPHAS} that cannot be "
                f"read ({error!r}); give another directory."
            ) from error
        return left
