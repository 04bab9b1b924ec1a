"""What scores candidates on a node of a cluster, as a search does itself."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.config import MULTI_WORKER, ConfigError
from maenas_tf.data.identity import DataIdentity
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.notes import Notes
from maenas_tf.engine.runtime import load_configured, start_runtime
from maenas_tf.runs.data_record import check_node
from maenas_tf.scores.joint import JointScore
from maenas_tf.searching.build import build_searcher
from maenas_tf.searching.choose import choose
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.scoring import make_scorer
from maenas_tf.searching.setup import SearchSetup, make_budget
from maenas_tf.spaces import SPACES, Genotype

# Where no run is: what it has left comes with the call.
_NO_RUN = pathlib.Path(os.devnull)


def check_shared_out(config: SearchConfig) -> None:
    """Raises ConfigError about a search that nodes have no part in.

    Args:
        config: of the search.
    """
    space = SPACES.get_for_flag("space", config.space)
    _, name, selection = choose(config, space)
    if not selection.scores:
        raise ConfigError(
            f"--executor=ray shares out the scoring of candidates, and "
            f"--selection={name} scores none; drop it, or see tools.sweep for "
            f"many searches."
        )
    if config.strategy == MULTI_WORKER:
        raise ConfigError(
            f"--executor=ray is for a search of one process, not --strategy="
            f"{config.strategy}; drop one of the two."
        )
    if selection.tunes and config.tuning_epochs:
        raise ConfigError(
            f"--tuning_epochs={config.tuning_epochs} trains the supernet "
            f"between any two decisions, in this process; drop it or "
            f"--executor=ray."
        )


def facts_for_nodes(
    config: SearchConfig,
    identity: DataIdentity,
    notes: Mapping[str, np.ndarray] | None = None,
    values: Sequence[np.ndarray] = (),
) -> tuple[Any, ...]:
    """Returns the arguments of `make_chunk_scorer`.

    Args:
        config: of the search.
        identity: of its images.
        notes: what is known of them.
        values: of the searcher's variables; empty where none judges.
    """
    return config.to_json(), identity.to_dict(), dict(notes or {}), values


def make_chunk_scorer(
    text: str,
    identity: Mapping[str, Any],
    notes: dict[str, np.ndarray],
    values: Sequence[np.ndarray],
) -> Callable[[Sequence[str], Mapping[str, np.ndarray]], np.ndarray]:
    """Returns what scores on a node: genotypes, as JSON, and edge weights.

    Args: as `facts_for_nodes`, the configuration as JSON.

    Raises:
        ConfigError: the images are not there, or are others.
    """
    config = SearchConfig.from_json(text).replace(
        strategy="one_device", num_replicas=0
    )
    scorer, images = _make(config, notes, values)
    check_node(identity, images.identity(config.split))

    def score(
        genotypes: Sequence[str], weights: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        count = len(next(iter(weights.values())))
        with images.failures_told():
            numbers = scorer(weights, [*map(Genotype.from_json, genotypes)])
        return np.reshape(numbers, [count, -1])

    return score


def _make(
    config: SearchConfig,
    notes: dict[str, np.ndarray],
    values: Sequence[np.ndarray],
) -> tuple[JointScore, ImageSource]:
    space = SPACES.get(config.space)
    algorithm, _, selection = choose(config, space)
    names, full_size = selection.score, selection.full_size
    if not values:
        start_runtime(config)
        images = load_configured(config, False)
        size = make_budget(config, space, algorithm, images).size
        scorer = make_scorer(
            names, config, space, images, size, full_size=full_size
        )
        return scorer, images
    setup = SearchSetup(
        config,
        space,
        algorithm,
        selection,
        None,
        _NO_RUN,
        notes=Notes(notes),
    )
    with setup.strategy.scope():
        searcher = build_searcher(
            config,
            space,
            setup.task,
            algorithm,
            setup.stages[0],
            setup.candidates(_NO_RUN, 0),
        )
    for variable, value in zip(searcher.variables, values, strict=True):
        variable.assign(value)
    size = make_budget(config, space, algorithm, setup.images).size
    scorer = make_scorer(
        names,
        config,
        space,
        setup.images,
        size,
        searcher,
        setup.data.judging,
        full_size,
    )
    return scorer, setup.images
