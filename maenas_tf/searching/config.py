"""The configuration of a search, and the parts that others share with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.algorithms.alpha_noise import AlphaNoiseSettings
from maenas_tf.config import (
    AT_LEAST_ONE,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    ZERO_IS_DEFAULT,
    Config,
    ConfigError,
    DataSettings,
    DeviceSettings,
    EpochSettings,
    HalvesSettings,
    NetworkSettings,
    OptimizerSettings,
    Range,
    StepCacheSettings,
    check,
    setting,
)
from maenas_tf.registry import Registry
from maenas_tf.scores import SCORES
from maenas_tf.searching.early_stop import OFF, EarlyStopSettings
from maenas_tf.selection import SELECTIONS
from maenas_tf.spaces import SPACES
from maenas_tf.tasks.objective import ObjectiveSettings


def _groups(registry: Registry) -> dict[str, type[Config]]:
    """Returns each name of a registry with the settings that it declares."""
    return {
        name: type(registry.get(name).settings) for name in registry.names()
    }


@dataclasses.dataclass(frozen=True)
class WeightSettings(OptimizerSettings):
    """How a search trains its weights."""

    weight_learning_rate: float = setting(
        0.025, "initial rate of SGD, annealed by a cosine.", POSITIVE
    )


@dataclasses.dataclass(frozen=True, init=False, eq=False, repr=False)
class StepSettings(ObjectiveSettings, DeviceSettings, NetworkSettings):
    """What decides what a step of a search computes, and how fast."""

    space: str = setting("darts", "search space.", registry=SPACES)
    algorithm: str = setting(
        "darts",
        "how the supernet is trained: by gradients of its alphas, or at one "
        "uniformly drawn architecture a step (single_path); or not at all "
        "(training_free).",
        registry=ALGORITHMS,
    )
    order: str = setting(
        "first",
        'order of the architecture gradient, "first" or "second".',
        choices=("first", "second"),
    )
    hessian_vector_product: str = setting(
        "finite_difference",
        'second order only: "finite_difference" (as in DARTS) or "exact".',
        choices=("finite_difference", "exact"),
    )
    recompute: bool = setting(
        False,
        "compute the candidates of the supernet again for their gradient, "
        "which takes less memory and more time (not with XLA; nothing is saved "
        "in exact second-order products).",
    )

    @classmethod
    def registered(cls) -> dict[str, Mapping[str, type[Config]]]:
        return {**super().registered(), "algorithm": _groups(ALGORITHMS)}

    def validate(self) -> None:
        super().validate()
        if self.hessian_vector_product != "finite_difference" and (
            self.order != "second"
        ):
            raise ConfigError(
                f"--hessian_vector_product={self.hessian_vector_product} has "
                f"no effect with --order={self.order}; add --order=second or "
                f"drop it."
            )
        if self.recompute and self.jit_compile:
            raise ConfigError(
                "--recompute has no effect with --jit_compile, which merges "
                "what is computed twice; drop one of the two."
            )


@dataclasses.dataclass(frozen=True, init=False, eq=False, repr=False)
class SearchConfig(
    StepSettings,
    WeightSettings,
    EpochSettings,
    HalvesSettings,
    DataSettings,
    AlphaNoiseSettings,
    EarlyStopSettings,
    StepCacheSettings,
):
    """Everything that decides the result of a search.

    The defaults are those of the DARTS search on CIFAR-10 (Liu et al., 2019)
    with our masked-autoencoding task; where the paper's body is unknown the
    choice is ours (docs/method.md).
    """

    selection: str = setting(
        "auto",
        'how the architecture is taken in the end: by "alphas", or by '
        'scores of candidates: "exhaustive", "evolution", "random" or, of '
        'a supernet with alphas, "strongest", those of most product of '
        'weights, or "perturbation"; "auto" is alphas for darts, '
        "exhaustive for single_path in nasbench201 and evolution elsewhere.",
        registry=SELECTIONS,
    )
    score: str = setting(
        "auto",
        "what candidates of a selection by scores are judged by, one name or "
        "several joined by +, such as expressivity+trainability+regions+macs; "
        '"auto" is that for training_free, expressivity+jacov+macs+synflow+'
        "trainability for the strongest and elsewhere loss, that of the task "
        "inside the supernet.",
        registry=SCORES,
    )
    score_rule: str = setting(
        "log_ranks",
        "how several scores are added up, over the candidates that were "
        "scored.",
        choices=("log_ranks", "z_scores"),
    )
    score_input: str = setting(
        "noise",
        "what a network is shown that is judged as it is initialised: "
        "Gaussian noise of the images' size, or 16 of the images.",
        choices=("noise", "images"),
    )
    score_seed: int = setting(
        -1,
        "seed of the weights, and of the noise or the choice of images, of a "
        "network that is judged as it is initialised; another one judges the "
        "same random candidates by other weights. -1 is --seed.",
        Range("give a seed of at least 0, or -1 for --seed.", least=-1),
    )
    num_candidates: int = setting(
        0,
        'how many candidates are scored at most, by "evolution" or "random", '
        'or by "strongest"; 0 means 1,000, of the strongest 20.',
        ZERO_IS_DEFAULT,
    )
    held_out_images: int = setting(
        0,
        "number of images that candidates of a selection by loss are judged "
        "by; 0 means 256, or a fifth of the images if that is less. "
        "single_path trains on all others.",
        ZERO_IS_DEFAULT,
    )
    tuning_epochs: int = setting(
        0,
        'between two decisions of the selection "perturbation" train the '
        "weights for so many epochs, at a tenth of their first learning "
        "rate; 0 is none.",
        Range("give a number of epochs, or 0 for none.", least=0),
    )
    max_parameters: int = setting(
        0,
        "most trainable parameters of the network found, at the evaluation's "
        "size; 0 is no limit.",
        ZERO_IS_DEFAULT,
    )
    max_macs: int = setting(
        0,
        "most multiply-accumulates of it for one image; 0 is no limit.",
        ZERO_IS_DEFAULT,
    )
    max_skips: int = setting(
        -1,
        "most skip connections of the normal cell (nasbench201: of the cell) "
        "that is found: the weakest are dropped and others chosen; -1 means "
        "the algorithm's own limit, 2 for p_darts and none for the others.",
        Range("give a number of skips, or -1 for the default.", least=-1),
    )
    eval_init_channels: int = setting(
        0,
        "C of the network that limits and report are about; 0 means the "
        "reference's: 36 (darts), 48 (with the imagenet stem), 16 "
        "(nasbench201).",
        ZERO_IS_DEFAULT,
    )
    eval_num_cells: int = setting(
        0,
        "its number of cells; 0 means the reference's: 20 (darts), 14 (with "
        "the imagenet stem), 5 (nasbench201).",
        ZERO_IS_DEFAULT,
    )
    epochs: int = setting(
        50,
        "passes over the weight half of the images, or as many times "
        "steps_per_epoch steps; p_darts makes so many in each of its stages.",
        AT_LEAST_ONE,
    )
    restarts: int = setting(
        1,
        "make so many searches, of the seeds seed, seed + 1 and so on, and "
        "read the architecture off the mean of their architecture weights "
        "(with alphas alone).",
        AT_LEAST_ONE,
    )
    warmup_epochs: int = setting(
        -1, "epochs in which only weights move; -1 means the task's default."
    )
    weight_learning_rate_min: float = setting(
        0.001, "the final rate of the weights.", NOT_NEGATIVE
    )
    alpha_learning_rate: float = setting(
        3e-4, "rate of Adam, whose second moment decays by 0.999.", POSITIVE
    )
    alpha_momentum: float = setting(
        0.5, "decay of Adam's first moment of the alphas.", FRACTION
    )
    alpha_clip_norm: float = setting(
        0.0,
        "global-norm clip of the alphas' gradient; 0 is off, as in DARTS.",
        NOT_NEGATIVE,
    )
    alpha_weight_decay: float = setting(
        1e-3, "L2 factor added to the alphas' gradient.", NOT_NEGATIVE
    )
    alpha_average: int = setting(
        1,
        "read the architecture off the mean of the architecture weights over "
        "the last so many epochs that moved them; 1 is the last alone, as in "
        "DARTS.",
        AT_LEAST_ONE,
    )
    hessian_every: int = setting(
        0,
        "measure the dominant eigenvalue of the alphas' Hessian after every "
        "so many epochs and the last, on one fixed batch of their half "
        "(batch_size images); 0 is off.",
        Range("give a number of epochs, or 0 to measure none.", least=0),
    )

    def validate(self) -> None:
        super().validate()
        check(
            -1 <= self.warmup_epochs <= self.epochs,
            "warmup_epochs",
            self.warmup_epochs,
            f"give -1 (the task's default) or a number from 0 to the "
            f"{self.epochs} epochs.",
        )
        check(
            self.seed + self.restarts <= 2**32,
            "restarts",
            self.restarts,
            f"restart i has the seed {self.seed} + i, and none is above "
            f"4294967295; give a smaller --seed.",
        )
        if self.early_stop != OFF and not self.hessian_every:
            raise ConfigError(
                f"--early_stop={self.early_stop} reads what --hessian_every "
                f"measures, and that is off; add --hessian_every=2."
            )
