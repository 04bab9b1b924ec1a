"""One stage of a search: a network, its steps and its checkpoints."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import keras
import numpy as np

from maenas_tf.engine.checkpoints import RunCheckpoint, read_state
from maenas_tf.engine.loop import Loop, cosine_rate
from maenas_tf.engine.restart import ONLY_ONE, Restart
from maenas_tf.engine.signals import SignalWatch
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.engine.step_store import open_store
from maenas_tf.searching.alpha_hessian import AlphaHessian
from maenas_tf.searching.build import build_searcher
from maenas_tf.searching.setup import SearchSetup


class SearchStage:
    """A searcher that begins anew, its loop and its checkpoints.

    Epochs are counted through all stages, but for what the stage itself does
    with them.

    Args:
        setup: of the search.
        run_dir: run directory of the search, which is read only.
        number: of the stage, from 0; those before have ended.
        before: of a search of another seed that has ended, the only one;
            its searcher, with the graphs that were traced, begins anew.

    Attributes:
        stage: epochs and size.
        first_epoch: the epochs before.
        searcher: compiled.
        checkpoint: of everything that changes.
        hessian: measures the alphas' curvature.
    """

    def __init__(
        self,
        setup: SearchSetup,
        run_dir: pathlib.Path,
        number: int,
        before: SearchStage | None = None,
    ):
        self.setup = setup
        self.run_dir = run_dir
        self.number = number
        self.stage = setup.stages[number]
        self.first_epoch = setup.first_epoch(number)
        config, seed = setup.config, setup.config.seed
        if number:  # The first begins with the seed of the run.
            sequence = np.random.SeedSequence((seed, number))
            seed = int(sequence.generate_state(1)[0])
            keras.utils.set_random_seed(seed)
        with setup.strategy.scope():
            self.searcher = build_searcher(
                config,
                setup.space,
                setup.task,
                setup.algorithm,
                self.stage,
                setup.candidates(run_dir, number),
                seed,
            )
        if before is not None:
            before.searcher.begin_anew(self.searcher)
            self.searcher = before.searcher
        self.checkpoint = RunCheckpoint(
            setup.checkpoints(run_dir, number), self.searcher.variable_groups
        )
        if before is None:
            self.hessian = AlphaHessian(
                self.searcher, config, setup.data.alpha_batch, setup.epochs
            )
        else:
            self.hessian = before.hessian
            self.hessian.begin_anew(config.seed, setup.data.alpha_batch)

    @property
    def unmoved_epochs(self) -> int:
        """The epochs before the alphas of this network move."""
        return self.first_epoch + self.stage.warmup_epochs

    def make_loop(
        self,
        end_epoch: Callable[[int, dict[str, float], float], None],
        signals: SignalWatch,
        checkpoint_seconds: float,
        images_per_step: Callable[[], int],
        restart: Restart = ONLY_ONE,
        before: Loop | None = None,
    ) -> Loop:
        """Returns the loop over the stage's epochs.

        Args:
            end_epoch: as of `Loop`, but the epoch is counted through.
            signals: as of `Loop`.
            checkpoint_seconds: as of `Loop`.
            images_per_step: as of `Loop`.
            restart: as of `Loop`.
            before: that of the stage whose searcher began anew; None where
                none did.
        """
        setup, first = self.setup, self.first_epoch
        if before is None:
            runner = StepRunner(
                self.searcher,
                setup.strategy,
                setup.config.jit_compile,
                open_store(setup.config.step_cache, setup.strategy),
            )
        else:
            runner = before.runner
        loop = Loop(
            runner,
            self.checkpoint,
            lambda epoch, step: setup.data.epoch(first + epoch, step),
            self._start_epoch,
            lambda epoch, *what: end_epoch(first + epoch, *what),
            self.stage.epochs,
            setup.data.steps,
            signals,
            checkpoint_seconds,
            images_per_step=images_per_step,
            first_epoch=first,
            all_epochs=setup.epochs,
            restart=restart,
            before=before,
        )
        if self.number:
            before = read_state(
                setup.checkpoints(self.run_dir, self.number - 1)
            )
            for name in ("seconds", "first_step_seconds"):
                loop.state[name] = before[name]
        return loop

    def _start_epoch(self, epoch: int) -> None:
        config, searcher = self.setup.config, self.searcher
        searcher.weight_optimizer.learning_rate = cosine_rate(
            config.weight_learning_rate,
            config.weight_learning_rate_min,
            epoch,
            self.stage.epochs,
        )
        searcher.update_alphas = bool(
            searcher.alpha_variables
        ) and self.stage.updates_alphas(epoch)
        self.setup.algorithm.start_epoch(self.stage, epoch, searcher.supernet)
        if searcher.noise is not None:
            searcher.noise.start_epoch(self.stage, epoch)
