"""Which experiment a search is."""

from __future__ import annotations

import pathlib
from typing import Any

from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.searching.node_scorer import check_shared_out
from maenas_tf.searching.restarts import RestartedExperiment
from maenas_tf.searching.scoring_places import PoolMaker
from maenas_tf.searching.training_free import TrainingFreeExperiment


def make_search(
    config: SearchConfig,
    run_dir: str | pathlib.Path,
    *args: Any,
    make_pool: PoolMaker | None = None,
    **kwargs: Any,
) -> SearchExperiment | RestartedExperiment | TrainingFreeExperiment:
    """Returns the experiment that a configuration asks for.

    Args: as `SearchExperiment`.

    Raises:
        ConfigError: settings and images do not fit together.
    """
    if make_pool is not None:
        check_shared_out(config)
        kwargs["make_pool"] = make_pool
    algorithm = ALGORITHMS.get_for_flag("algorithm", config.algorithm)
    if not algorithm.trains:
        kind = TrainingFreeExperiment
    elif config.restarts > 1:
        kind = RestartedExperiment
    else:
        kind = SearchExperiment
    return kind(config, run_dir, *args, **kwargs)
