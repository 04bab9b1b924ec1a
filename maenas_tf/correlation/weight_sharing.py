"""Architectures judged with the weights of a search's supernet."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable

import numpy as np

from maenas_tf.config import ConfigError, user_path
from maenas_tf.config.printable import printable
from maenas_tf.engine.own_runtime import OwnRuntime
from maenas_tf.runs import files
from maenas_tf.scores.held_out_loss import HeldOutLoss
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.search_stage import SearchStage
from maenas_tf.searching.setup import SearchSetup
from maenas_tf.spaces import Genotype
from maenas_tf.spaces.architectures import Architectures


class SharedWeights:
    """Gives the held-out loss of architectures inside a trained supernet.

    Nothing is trained and nothing written, so that the search may go on
    meanwhile: each architecture takes its part of the weights as the
    search left them, and all are judged on the same held-out images, those
    that moved no weight.

    Args:
        run_dir: run directory of a search, finished or stopped.
        space: name of the space that it must have searched.
        held_out_images: judge by at most so many, in whole batches.

    Raises:
        ConfigError: there is no such search, or it has no checkpoint.

    Attributes:
        name: the search's task, and the directory.
        step: how many steps the weights were trained.
        num_held_out: images that are judged by.
        num_labels: that the search had; 0 where its task reads none.
    """

    def __init__(
        self,
        run_dir: str | os.PathLike[str],
        space: str,
        held_out_images: int,
    ):
        path = user_path(run_dir)
        config = _read_config(path)
        if config.space != space:
            raise ConfigError(
                f"--supernets names {path}, a search in --space="
                f"{config.space}; give searches in {space}."
            )
        if config.restarts > 1:
            raise ConfigError(
                f"--supernets names {path}, which is {config.restarts} "
                f"searches, each with a supernet of its own; give some of "
                f"{path / files.restart(0)} and so on."
            )
        with OwnRuntime():
            setup = SearchSetup.of(config, path)
            stage = SearchStage(setup, path, setup.reached(path))
            state = stage.checkpoint.restore()
        if state is None:
            raise ConfigError(
                f"--supernets names {path}, which holds no checkpoint; run "
                f"that search first."
            )
        self.name = f"{config.task} inside {printable(path.name)}"
        epoch = stage.first_epoch + state["epoch"]
        self.step = epoch * setup.data.steps + state["step"]
        self._architectures = Architectures(setup.space)
        with setup.images.failures_told():
            self._scorer = HeldOutLoss(
                stage.searcher, setup.data.judging(held_out_images)
            )
        self.num_held_out = self._scorer.num_images
        labels = setup.images.labels
        self.num_labels = 0 if labels is None else len(labels)

    def judge(
        self, genotype: Genotype, report: Callable[[int], None] | None = None
    ) -> dict[int, float]:
        """Returns the number of steps to the mean held-out loss.

        Args:
            genotype: an architecture of the space.
            report: called with 1 at the end.
        """
        choice = self._architectures.choice(genotype)
        weights = self._architectures.edge_weights([choice])
        (loss,) = np.asarray(self._scorer(weights), np.float64)
        if report:
            report(1)
        return {self.step: float(loss)}


def _read_config(path: pathlib.Path) -> SearchConfig:
    try:
        text = (path / files.CONFIG).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"--supernets names {path}, which holds no search "
            f"({error.strerror}); give run directories of tools.search."
        ) from error
    try:
        return SearchConfig.from_json(text)
    except ConfigError as error:
        raise ConfigError(f"--supernets names {path}: {error}") from error
