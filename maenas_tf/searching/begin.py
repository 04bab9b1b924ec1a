"""Which experiment a search is."""

from __future__ import annotations

import pathlib
from typing import Any

from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.searching.training_free import TrainingFreeExperiment


def make_search(
    config: SearchConfig, run_dir: str | pathlib.Path, *args: Any, **kwargs: Any
) -> SearchExperiment | TrainingFreeExperiment:
    """Returns the experiment that a configuration asks for.

    Args: as `SearchExperiment`.

    Raises:
        ConfigError: settings and images do not fit together.
    """
    algorithm = ALGORITHMS.get_for_flag("algorithm", config.algorithm)
    kind = SearchExperiment if algorithm.trains else TrainingFreeExperiment
    return kind(config, run_dir, *args, **kwargs)
