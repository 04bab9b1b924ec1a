"""The configurations of a training and of a pretraining."""

from __future__ import annotations

import dataclasses

from maenas_tf.config import (
    AT_LEAST_ONE,
    FRACTION,
    MULTI_WORKER,
    NOT_NEGATIVE,
    POSITIVE,
    ZERO_IS_DEFAULT,
    ConfigError,
    DataSettings,
    DeviceSettings,
    EpochSettings,
    LabelSettings,
    NetworkSettings,
    OptimizerSettings,
    Range,
    StepCacheSettings,
    WorkerSettings,
    check,
    check_strategy,
    setting,
)
from maenas_tf.tasks.objective import ObjectiveSettings


@dataclasses.dataclass(frozen=True)
class EvaluationSettings(WorkerSettings):
    """Which processes evaluate a network together."""

    strategy: str = setting(
        "one_device",
        '"one_device" or "multi_worker" (the same command on several '
        "machines, each of which sees to a part of the images).",
        choices=("one_device", MULTI_WORKER),
    )

    def validate(self) -> None:
        super().validate()
        check_strategy(self)


@dataclasses.dataclass(frozen=True)
class NetworkTrainingSettings(
    DeviceSettings,
    OptimizerSettings,
    NetworkSettings,
    EpochSettings,
    DataSettings,
    StepCacheSettings,
):
    """What training a network and pretraining it have in common."""

    genotype: str = setting(
        "DARTS_V2",
        "run directory of a search, genotype file, published name (DARTS_V2) "
        "or architecture string.",
    )
    init_channels: int = setting(
        36, "channels of the first cells (C).", AT_LEAST_ONE
    )
    num_cells: int = setting(
        0,
        "number of cells (nasbench201: per stage); 0 means 20 (darts family) "
        "or 5 (nasbench201).",
        ZERO_IS_DEFAULT,
    )
    epochs: int = setting(
        600,
        "passes over the training images, or as many times steps_per_epoch "
        "steps.",
        AT_LEAST_ONE,
    )
    batch_size: int = setting(96, "global batch, images.", AT_LEAST_ONE)
    learning_rate: float = setting(0.025, "initial rate of SGD.", POSITIVE)
    schedule: str = setting(
        "cosine",
        'how it falls from epoch to epoch: "cosine", "linear" or '
        '"exponential".',
        choices=("cosine", "linear", "exponential"),
    )
    learning_rate_min: float = setting(
        0.0, "where the cosine or line ends.", NOT_NEGATIVE
    )
    learning_rate_decay: float = setting(
        0.97,
        'factor of each epoch of "exponential".',
        Range("give a number in (0, 1].", above=0, most=1),
    )
    warmup_epochs: int = setting(
        0, "first epochs, in which the rate grows linearly."
    )

    def validate(self) -> None:
        super().validate()
        # A genotype may be JSON of several lines; a flag file has one each.
        genotype = " ".join(self.genotype.split("\n"))
        object.__setattr__(self, "genotype", genotype)
        check(
            0 <= self.warmup_epochs <= self.epochs,
            "warmup_epochs",
            self.warmup_epochs,
            f"give a number from 0 to the {self.epochs} epochs.",
        )
        self._check_schedule()

    def _check_schedule(self) -> None:
        default = type(self).learning_rate_decay
        exponential = self.schedule == "exponential"
        if self.learning_rate_decay != default and not exponential:
            raise ConfigError(
                f"--learning_rate_decay={self.learning_rate_decay} has no "
                f"effect with --schedule={self.schedule}; add "
                f"--schedule=exponential or drop it."
            )
        if self.learning_rate_min and exponential:
            raise ConfigError(
                f"--learning_rate_min={self.learning_rate_min} has no effect "
                f"with --schedule=exponential; drop one of the two."
            )
        if self.learning_rate_min > self.learning_rate:
            raise ConfigError(
                f"--learning_rate_min={self.learning_rate_min} is above "
                f"--learning_rate={self.learning_rate}; give one below."
            )


@dataclasses.dataclass(frozen=True)
class TrainConfig(NetworkTrainingSettings, LabelSettings):
    """Everything that decides the result of training a found network.

    The defaults are those of the DARTS evaluation on CIFAR-10 (Liu et al.,
    2019, section A.2), except that a tenth of the training images is held out
    to choose the best epoch by: the test images choose nothing.
    """

    init_from: str = setting(
        "",
        "run directory of a pretraining, or of a training on other images, "
        "whose weights the network begins with, all but those of its heads; "
        "empty begins at random.",
    )
    freeze_epochs: int = setting(
        0,
        "first epochs, in which the head alone is trained on what the weights "
        "of --init_from see; as many as --epochs tell what they are worth as "
        "they are.",
        Range("give a number of epochs, or 0 for none.", least=0),
    )
    layer_decay: float = setting(
        1.0,
        "with --init_from, factor of the learning rate from each layer or "
        "cell to the one before it, from the heads on; 1 is the same rate "
        "for all.",
        Range("give a number above 0 and at most 1.", above=0, most=1),
    )
    labels_per_class: int = setting(
        0,
        "use exactly so many labelled images of each class, drawn by the "
        "seed; 0 means all.",
        ZERO_IS_DEFAULT,
    )
    validation_fraction: float = setting(
        0.1,
        "part of the images that is held out, to choose the best epoch by; 0 "
        "is none.",
        FRACTION,
    )
    validation_split: str = setting(
        "stratified",
        'how it is drawn: "stratified", the same part of each class, so that '
        "every class of at least 2 images is on both sides, or "
        '"random".',
        choices=("stratified", "random"),
        before="random",
    )
    auxiliary_weight: float = setting(
        -1.0,
        "of the auxiliary head's loss; 0 is no such head; -1 means 0.4 (darts "
        "family) or 0 (nasbench201, which has none).",
    )
    drop_path: float = setting(
        0.2,
        "rate at which operations are dropped, towards which it grows "
        "linearly from 0 in the first epoch; 0 is off.",
        FRACTION,
    )
    cutout: int = setting(
        16,
        "side in pixels of the square that is blanked; 0 is off.",
        NOT_NEGATIVE,
    )
    label_smoothing: float = setting(
        0.0, "part of the label that is spread over all classes.", FRACTION
    )

    def validate(self) -> None:
        super().validate()
        check(
            self.auxiliary_weight >= 0 or self.auxiliary_weight == -1,
            "auxiliary_weight",
            self.auxiliary_weight,
            "give a number of at least 0, or -1 for the default.",
        )
        check(
            self.freeze_epochs <= self.epochs,
            "freeze_epochs",
            self.freeze_epochs,
            f"give a number from 0 to the {self.epochs} epochs.",
        )
        for name in ("freeze_epochs", "layer_decay"):
            value = getattr(self, name)
            if value != self.defaults()[name] and not self.init_from:
                raise ConfigError(
                    f"--{name}={value} has no effect without --init_from, "
                    f"which names weights to begin with; add it or drop this."
                )


@dataclasses.dataclass(frozen=True, init=False, eq=False, repr=False)
class PretrainConfig(ObjectiveSettings, NetworkTrainingSettings):
    """Everything that decides the result of pretraining a found network.

    There is neither drop-path nor an auxiliary head: both are against
    overfitting to labels, and masked autoencoders are pretrained without (He
    et al., 2022; Woo et al., "ConvNeXt V2", 2023).
    """

    epochs: int = setting(
        100,
        "passes over the images, or as many times steps_per_epoch steps.",
        AT_LEAST_ONE,
    )
    statistics_images: int = setting(
        4096,
        "at the end estimate the moving statistics of all normalisations by "
        "so many images, whole and unchanged, as those of what the task shows "
        "(masked, noisy, cut up) are others; 0 keeps the task's.",
        Range("give a number of images, or 0 to keep the task's.", least=0),
    )
