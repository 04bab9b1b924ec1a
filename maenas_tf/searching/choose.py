"""From a configuration to an algorithm and a selection that fit together."""

from __future__ import annotations

from maenas_tf.algorithms import skip_limit
from maenas_tf.algorithms.algorithm import ALGORITHMS, Algorithm
from maenas_tf.algorithms.alpha_noise import AlphaNoiseSettings
from maenas_tf.config import ConfigError
from maenas_tf.searching import early_stop
from maenas_tf.searching.config import SearchConfig
from maenas_tf.selection.selection import (
    SELECTIONS,
    Selection,
    default_selection,
)
from maenas_tf.spaces import Space

AUTO = "auto"
# Settings of the alphas: an error without them, or, where a recipe may well
# hold them for another algorithm, a note.
_OF_ALPHAS = (
    "order",
    "hessian_vector_product",
    "hessian_every",
    "early_stop",
    "perturb_alphas",
)
_OF_ALPHA_RECIPES = (
    "alpha_learning_rate",
    "alpha_weight_decay",
    "alpha_momentum",
    "alpha_clip_norm",
    "alpha_average",
    "warmup_epochs",
)
# Groups of settings that one of them switches on.
_SWITCHED = (
    (AlphaNoiseSettings, "perturb_alphas"),
    (early_stop.EarlyStopSettings, "early_stop"),
)


def choose(
    config: SearchConfig, space: Space
) -> tuple[Algorithm, str, Selection]:
    """Returns the algorithm, and the name of the selection and itself.

    Args:
        config: names both.
        space: that of the configuration.

    Raises:
        ConfigError: a name is unknown, or the two, or one and another
            setting, do not fit together.
    """
    algorithm = ALGORITHMS.get_for_flag("algorithm", config.algorithm)()
    algorithm.settings = config.group(type(algorithm.settings))
    algorithm.check(space)
    skip_limit.allowed(algorithm, space, config.max_skips)
    if config.order not in algorithm.orders:
        raise ConfigError(
            f"--order={config.order} is not defined for --algorithm="
            f"{config.algorithm}; give --order={algorithm.orders[0]}."
        )
    name = config.selection
    if name == AUTO:
        name = default_selection(space, algorithm.trains_alphas)
    selection = SELECTIONS.get_for_flag("selection", name)()
    if selection.needs_alphas and not algorithm.trains_alphas:
        others = ", ".join(
            other
            for other in SELECTIONS.names()
            if not SELECTIONS.get(other).needs_alphas
        )
        raise ConfigError(
            f"--selection={name} needs alphas, and --algorithm="
            f"{config.algorithm} has none; choose one of {AUTO}, {others}."
        )
    selection.check(space)
    if not algorithm.trains_alphas:
        changed = set(config.differences(SearchConfig())) & set(_OF_ALPHAS)
        for setting in sorted(changed):
            raise ConfigError(
                f"--{setting}={getattr(config, setting)} is about alphas, and "
                f"--algorithm={config.algorithm} has none; drop it."
            )
    if config.early_stop != early_stop.OFF and selection.scores:
        raise ConfigError(
            f"--early_stop={config.early_stop} returns the genotype of earlier "
            f"alphas, and --selection={name} does not read it off them; drop "
            f"one of the two."
        )
    return algorithm, name, selection


def unread_by(
    config: SearchConfig, algorithm: Algorithm, selection: Selection
) -> list[str]:
    """Lists the settings, not at their default, that change nothing."""
    unread = []
    if not algorithm.trains_alphas:
        unread += _OF_ALPHA_RECIPES
    if algorithm.trains_alphas and not selection.scores:
        unread.append("held_out_images")
    if algorithm.trains_alphas and selection.scores:
        unread.append("alpha_average")
    if not selection.tunes:
        unread.append("tuning_epochs")
    for group, switch in _SWITCHED:
        if getattr(config, switch) == group.defaults()[switch]:
            unread += group.defaults()
    changed = config.differences(SearchConfig())
    return [name for name in unread if name in changed]
