"""From a configuration to an algorithm and a selection that fit together."""

from __future__ import annotations

from maenas_tf.algorithms import skip_limit
from maenas_tf.algorithms.algorithm import ALGORITHMS, Algorithm
from maenas_tf.algorithms.alpha_noise import AlphaNoiseSettings
from maenas_tf.config import ConfigError
from maenas_tf.engine.console import say
from maenas_tf.scores import SCORES, joint
from maenas_tf.searching import early_stop
from maenas_tf.searching.config import SearchConfig
from maenas_tf.selection.selection import (
    SELECTIONS,
    ScoringSelection,
    Selection,
    default_selection,
)
from maenas_tf.spaces import Space

AUTO = "auto"
LOSS = "loss"
# Of the published sums the one that is best on NAS-Bench-201.
TRAINING_FREE_SCORE = "expressivity+trainability+regions+macs"
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
    "weight_image_fraction",
    "alpha_image_fraction",
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
# Of what trains a supernet: a note where none is trained.
_OF_TRAINING = (
    "task",
    "epochs",
    "steps_per_epoch",
    "batch_size",
    "weight_learning_rate",
    "weight_learning_rate_min",
    "momentum",
    "nesterov",
    "weight_decay",
    "clip_norm",
    "augment",
    "crop",
    "crop_area",
    "crop_padding",
    "color_jitter",
    "held_out_images",
    "recompute",
    "jit_compile",
    "precision",
    "step_cache",
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
        if not algorithm.trains:
            name = "evolution"
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
    _set_scores(config, algorithm, name, selection)
    if not algorithm.trains_alphas:
        changed = set(config.differences(SearchConfig())) & set(_OF_ALPHAS)
        for setting in sorted(changed):
            raise ConfigError(
                f"--{setting}={getattr(config, setting)} is about alphas, and "
                f"--algorithm={config.algorithm} has none; drop it."
            )
    if config.early_stop != early_stop.OFF and not selection.reads_alphas:
        raise ConfigError(
            f"--early_stop={config.early_stop} returns the genotype of earlier "
            f"alphas, and --selection={name} does not read it off them; drop "
            f"one of the two."
        )
    if config.restarts > 1:
        _check_restarts(config, name, selection)
    return algorithm, name, selection


def _check_restarts(
    config: SearchConfig, name: str, selection: Selection
) -> None:
    """Raises ConfigError: there is no mean that an architecture comes from."""
    if not selection.reads_alphas:
        by = f"--algorithm={config.algorithm} --selection={name}"
        raise ConfigError(
            f"--restarts={config.restarts} takes the mean of what alphas "
            f"weigh, and {by} reads no architecture off alphas; drop "
            f"--restarts, or choose --selection=alphas or strongest and an "
            f"algorithm that has them."
        )
    if selection.scores and of_supernet(selection):
        raise ConfigError(
            f"--score={selection.score} judges inside one trained supernet, "
            f"and --restarts={config.restarts} trains several; choose a score "
            f"of untrained networks, such as macs, or drop --restarts."
        )


def of_supernet(selection: ScoringSelection) -> list[str]:
    """Returns the scores of a selection that a trained supernet gives."""
    names = joint.parse(selection.score)
    return [name for name in names if SCORES.get(name).needs_supernet]


def _set_scores(
    config: SearchConfig, algorithm: Algorithm, name: str, selection: Selection
) -> None:
    """Tells a selection what to judge candidates by, and how many.

    Raises:
        ConfigError: it cannot.
    """
    if not selection.scores:
        if config.score != AUTO:
            joint.parse(config.score)
        _refuse(config, ("score", "num_candidates"), name)
        return
    score = config.score
    if score == AUTO:
        of_algorithm = LOSS if algorithm.trains else TRAINING_FREE_SCORE
        score = selection.default_score or of_algorithm
    names = joint.parse(score)
    if not selection.takes_scores and names != [LOSS]:
        raise ConfigError(
            f"--score={score} is not defined for --selection={name}, which "
            f"needs the {LOSS} of supernets without a candidate; drop it or "
            f"choose another --selection."
        )
    selection.score, selection.rule = score, config.score_rule
    trained = of_supernet(selection)
    if trained and not algorithm.trains:
        raise ConfigError(
            f"--score={score} names {trained[0]}, that of a trained supernet, "
            f"and --algorithm={config.algorithm} trains none; drop it or give "
            f"--algorithm=single_path or darts."
        )
    if not selection.takes_limit:
        _refuse(config, ("num_candidates",), name)
    selection.limit = config.num_candidates


def _refuse(config: SearchConfig, names: tuple[str, ...], by: str) -> None:
    """Refuses settings that a selection has no use for."""
    changed = config.differences(SearchConfig())
    for setting in names:
        if setting in changed:
            raise ConfigError(
                f"--{setting}={getattr(config, setting)} has no effect with "
                f"--selection={by}; drop it or choose another --selection."
            )


def unread_by(
    config: SearchConfig, algorithm: Algorithm, selection: Selection
) -> list[str]:
    """Lists the settings, not at their default, that change nothing."""
    unread = []
    if algorithm.trains and not config.augment:
        unread.append("crop_padding")
    if not algorithm.trains_alphas:
        unread += _OF_ALPHA_RECIPES
    names = joint.parse(selection.score) if selection.scores else []
    if algorithm.trains_alphas:
        if not any(SCORES.get(name).needs_images for name in names):
            unread.append("held_out_images")
        if not selection.reads_alphas:
            unread.append("alpha_average")
    if not selection.tunes:
        unread.append("tuning_epochs")
    for group, switch in _SWITCHED:
        if getattr(config, switch) == group.defaults()[switch]:
            unread += group.defaults()
    if not algorithm.trains:
        unread += _OF_TRAINING
    if not any(SCORES.get(name).needs_start for name in names):
        unread += ["score_input", "score_seed"]
    if len(names) < 2:
        unread.append("score_rule")
    changed = config.differences(SearchConfig())
    return [name for name in unread if name in changed]


def say_what_is_unread(
    config: SearchConfig, algorithm: Algorithm, selection: Selection
) -> None:
    """Says what was asked for and changes nothing."""
    for chooser, name in config.unread():
        chosen = getattr(config, chooser)
        say(f"note: --{name} has no part in --{chooser}={chosen}")
    for name in unread_by(config, algorithm, selection):
        say(f"note: --{name} has no part in this kind of search")
