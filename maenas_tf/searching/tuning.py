"""Training a searched supernet on, between the decisions of a selection."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.engine.checkpoints import RunCheckpoint
from maenas_tf.engine.devices import Strategy
from maenas_tf.engine.loop import Loop
from maenas_tf.engine.signals import SignalWatch
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.runs import files
from maenas_tf.runs.run_directory import RunDirectory
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.searcher import Searcher
from maenas_tf.spaces.architectures import EdgeWeights

# Of the search's first rate: as in the published code of DARTS-PT.
RATE = 0.1


class Tuning:
    """Trains the weights at edge weights that a selection has decided on.

    As an epoch of the search in which only weights move, at a tenth of its
    first learning rate. A tuning that was killed goes on to the same bits;
    its checkpoints are beside those of the search.

    Args:
        searcher: at the end of the search; changed.
        strategy: under whose scope it was made.
        config: of the search.
        make_dataset: (epoch, start_step) to the rest of the batches of an
            epoch after the search's, counted from 0.
        run_directory: of the search.
        steps: of an epoch.
        most: how often there is tuning at most.
        signals: looked at between calls of the graph.
    """

    def __init__(
        self,
        searcher: Searcher,
        strategy: Strategy,
        config: SearchConfig,
        make_dataset: Callable[[int, int], tf.data.Dataset],
        run_directory: RunDirectory,
        steps: int,
        most: int,
        signals: SignalWatch,
    ):
        self.searcher = searcher
        self.path = run_directory.path / files.TUNING_CHECKPOINTS
        self.rate = RATE * config.weight_learning_rate
        self.epochs = config.tuning_epochs
        self._step_images = config.batch_size
        self._asked = 0
        with strategy.scope():
            self._weights = {
                kind.name: tf.Variable(
                    tf.zeros([kind.num_edges, kind.max_primitives]),
                    trainable=False,
                )
                for kind in searcher.supernet.space.cell_types
            }
        self.loop = Loop(
            StepRunner(searcher, strategy, config.jit_compile),
            RunCheckpoint(self.path, searcher.variable_groups),
            make_dataset,
            self._start_epoch,
            lambda epoch, means, seconds: None,
            most * self.epochs,
            steps,
            signals,
            images_per_step=lambda: self._step_images,
        )
        self.loop.restore()

    @property
    def seconds(self) -> float:
        """The time that steps took, in this process and earlier ones."""
        return self.loop.state["seconds"]

    @property
    def num_images(self) -> int:
        """How many images were seen, each as often as it was."""
        state = self.loop.state
        steps = state["epoch"] * self.loop.steps + state["step"]
        return steps * self._step_images

    def __call__(self, number: int, weights: EdgeWeights) -> None:
        """Trains for the epochs of one tuning, or what is left of them.

        Args:
            number: the tunings so far, with this one.
            weights: the edge weights, cell type to [edges, primitives].

        Raises:
            Interrupted: a signal came; a checkpoint was written.
            Diverged: a loss was not finite.
        """
        self._asked = number
        for kind, variable in self._weights.items():
            variable.assign(weights[kind])
        before = self.searcher.draw
        self.searcher.draw = self._draw
        try:
            self.loop.run(number * self.epochs)
        finally:
            self.searcher.draw = before

    def check_scored(self) -> None:
        """Raises ConfigError if the weights are of a later decision.

        Called where a loss is missing, which only the weights of its own
        decision can give.
        """
        state = self.loop.state
        if (state["epoch"], state["step"]) > (self._asked * self.epochs, 0):
            raise ConfigError(
                f"--run_dir={self.path.parent} has lost losses that "
                f"{self.path.name} was trained after; remove that directory "
                f"and {files.VARIANTS} to select anew."
            )

    def _draw(self, done: tf.Tensor) -> EdgeWeights:
        del done
        return {
            kind: tf.convert_to_tensor(v) for kind, v in self._weights.items()
        }

    def _start_epoch(self, epoch: int) -> None:
        del epoch
        self.searcher.weight_optimizer.learning_rate = self.rate
        self.searcher.update_alphas = False
