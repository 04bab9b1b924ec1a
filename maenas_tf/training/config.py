"""The configuration of a training from scratch."""

from __future__ import annotations

import dataclasses

from maenas_tf.config import Config, ConfigError, check


@dataclasses.dataclass(frozen=True)
class TrainConfig(Config):
    """Everything that decides the result of training a found network.

    The defaults are those of the DARTS evaluation on CIFAR-10 (Liu et al.,
    2019, section A.2), except that a tenth of the training images is held out
    to choose the best epoch by: the test images choose nothing.

    Attributes:
        genotype: run directory of a search, genotype file, published name
            (DARTS_V2) or architecture string.
        dataset: "digits", "folder" or a tfds name; with labels.
        data_dir: folder of images (one subfolder a class), or the tfds data
            directory.
        split: the split to train on.
        max_images: use at most so many images; 0 means all.
        image_size: side in pixels; 0 means the data set's own, else 64.
        validation_fraction: part of these images that is held out, to choose
            the best epoch by; 0 is none.
        init_channels: channels of the first cells (C).
        num_cells: number of cells (nasbench201: per stage); 0 means 20
            (darts family) or 5 (nasbench201).
        stem: "cifar", one convolution at full resolution, or "imagenet",
            three that reduce it eight times (darts family).
        epochs: passes over the training images.
        batch_size: global batch, images.
        learning_rate: initial rate of SGD.
        schedule: how it falls from epoch to epoch: "cosine", "linear" or
            "exponential".
        learning_rate_min: where the cosine or line ends.
        learning_rate_decay: factor of each epoch of "exponential".
        warmup_epochs: first epochs, in which the rate grows linearly.
        momentum: of SGD.
        nesterov: Nesterov momentum.
        weight_decay: L2 factor added to the gradient.
        clip_norm: global-norm clip of the gradient; 0 is off.
        auxiliary_weight: of the auxiliary head's loss; 0 is no such head
            (nasbench201 has none).
        drop_path: rate at which operations are dropped, towards which it
            grows linearly from 0 in the first epoch; 0 is off.
        cutout: side in pixels of the square that is blanked; 0 is off.
        label_smoothing: part of the label that is spread over all classes.
        augment: random crop (zero padding of 1/8 side) and horizontal flip.
        seed: of everything random.
        strategy: "auto", "one_device" or "mirrored".
        num_replicas: replicas of "mirrored"; 0 means all GPUs.
        precision: "float32" or "bfloat16" activations.
        jit_compile: compile the step with XLA (one GPU only).
        deterministic: deterministic kernels, for exact resumption.
    """

    genotype: str = "DARTS_V2"
    dataset: str = "digits"
    data_dir: str = ""
    split: str = "train"
    max_images: int = 0
    image_size: int = 0
    validation_fraction: float = 0.1
    init_channels: int = 36
    num_cells: int = 0
    stem: str = "cifar"
    epochs: int = 600
    batch_size: int = 96
    learning_rate: float = 0.025
    schedule: str = "cosine"
    learning_rate_min: float = 0.0
    learning_rate_decay: float = 0.97
    warmup_epochs: int = 0
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 3e-4
    clip_norm: float = 5.0
    auxiliary_weight: float = 0.4
    drop_path: float = 0.2
    cutout: int = 16
    label_smoothing: float = 0.0
    augment: bool = True
    seed: int = 0
    strategy: str = "auto"
    num_replicas: int = 0
    precision: str = "float32"
    jit_compile: bool = False
    deterministic: bool = True

    def validate(self) -> None:
        # A genotype may be JSON of several lines; a flag file has one each.
        genotype = " ".join(self.genotype.split("\n"))
        object.__setattr__(self, "genotype", genotype)
        self._check_ranges()
        self.check_runtime()
        self.check_momentum()
        self._check_schedule()

    def _check_ranges(self) -> None:
        self.check_each(
            ("init_channels", "epochs", "batch_size"),
            lambda value: value >= 1,
            "give a whole number of at least 1.",
        )
        self.check_each(
            ("max_images", "image_size", "num_cells", "num_replicas"),
            lambda value: value >= 0,
            "give a positive whole number, or 0 for the default.",
        )
        self.check_each(
            ("learning_rate",),
            lambda value: value > 0,
            "give a positive number.",
        )
        self.check_each(
            (
                "learning_rate_min",
                "weight_decay",
                "clip_norm",
                "auxiliary_weight",
                "cutout",
            ),
            lambda value: value >= 0,
            "give a number of at least 0.",
        )
        self.check_each(
            ("validation_fraction", "drop_path", "label_smoothing"),
            lambda value: 0 <= value < 1,
            "give a number in [0, 1).",
        )
        check(
            0 < self.learning_rate_decay <= 1,
            "learning_rate_decay",
            self.learning_rate_decay,
            "give a number in (0, 1].",
        )
        check(
            0 <= self.warmup_epochs <= self.epochs,
            "warmup_epochs",
            self.warmup_epochs,
            f"give a number from 0 to the {self.epochs} epochs.",
        )

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
