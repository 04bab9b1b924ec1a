"""Configurations: frozen, validated dataclasses."""

from __future__ import annotations

import dataclasses
import json
import math
import numbers
from collections.abc import Callable, Iterable
from typing import Any, Self

MASK_FILLS = ("zero", "token", "noise")

# Field to its values, where it has a fixed few.
CHOICES = {
    "order": ("first", "second"),
    "hessian_vector_product": ("finite_difference", "exact"),
    "mask_fill": MASK_FILLS,
    "reconstruction_loss": ("mse", "l1", "huber"),
    "loss_region": ("masked", "full"),
    "target": ("pixels", "normalized_patches", "noise"),
    "stem": ("cifar", "imagenet"),
    "schedule": ("cosine", "linear", "exponential"),
    "strategy": ("auto", "one_device", "mirrored"),
    "precision": ("float32", "bfloat16"),
    "implementation": ("fused", "plain"),
}


class ConfigError(ValueError):
    """A setting is wrong; the message names it, its value and the remedy."""


def check(condition: bool, name: str, value: Any, expected: str) -> None:
    """Raises `ConfigError` about the setting `name` unless `condition`."""
    if not condition:
        raise ConfigError(f"--{name}={value!s} is not valid: {expected}")


def _plain(name: str, value: Any, default: Any) -> Any:
    """Returns `value` as the plain Python type that the default has.

    Raises:
        ConfigError: it is of another kind; a whole number will do for a
            fraction, a truth value for no number.
    """
    kinds = {
        bool: (bool, "True or False"),
        int: (numbers.Integral, "a whole number"),
        float: (numbers.Real, "a finite number"),
        str: (str, "a text"),
    }
    kind, expected = kinds[type(default)]
    fits = isinstance(value, kind)
    if fits and type(default) in (int, float):
        fits = not isinstance(value, bool) and abs(value) < math.inf
    check(fits, name, value, f"give {expected}.")
    return type(default)(value)


@dataclasses.dataclass(frozen=True)
class Config:
    """A frozen dataclass, validated when it is made, that JSON can hold.

    Every field of a subclass has a default, which tells its type.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = _plain(field.name, getattr(self, field.name), field.default)
            object.__setattr__(self, field.name, value)
            if field.name in CHOICES:
                known = CHOICES[field.name]
                expected = f"choose one of {', '.join(known)}."
                check(value in known, field.name, value, expected)
        self.validate()

    def validate(self) -> None:
        """Raises ConfigError about a wrong field or a conflict of two."""

    def to_json(self) -> str:
        """Returns the configuration as JSON text, one field a line."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads `to_json`'s text.

        Raises:
            ConfigError: it is no JSON object, a field is unknown or missing,
                or a value is wrong.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise ConfigError(
                f"The configuration is no JSON: {error}."
            ) from error
        if not isinstance(values, dict):
            raise ConfigError(
                f"The configuration must be a JSON object with a field for "
                f"each setting, not {type(values).__name__}."
            )
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) ^ known)
        if unknown:
            raise ConfigError(
                f"It is no {cls.__name__} of this version: field(s) "
                f"{', '.join(unknown[:5])} are unknown or missing."
            )
        return cls(**values)

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with some fields changed, validated anew."""
        return dataclasses.replace(self, **changes)

    def differences(self, other: Config) -> list[str]:
        """Returns the names of the fields in which the two differ."""
        return [
            field.name
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        ]

    def check_each(
        self, names: Iterable[str], fits: Callable[[Any], bool], expected: str
    ) -> None:
        """Checks the value of each named field by a function."""
        for name in names:
            value = getattr(self, name)
            check(fits(value), name, value, expected)

    def check_runtime(self) -> None:
        """Checks the fields about devices that all configurations have."""
        check(
            0 <= self.seed < 2**32,
            "seed",
            self.seed,
            "give a whole number from 0 to 4294967295.",
        )
        if self.num_replicas and self.strategy != "mirrored":
            raise ConfigError(
                f"--num_replicas={self.num_replicas} needs "
                f"--strategy=mirrored, not --strategy={self.strategy}."
            )
        if self.num_replicas > 1 and self.batch_size % self.num_replicas:
            raise ConfigError(
                f"--batch_size={self.batch_size} cannot be shared equally by "
                f"--num_replicas={self.num_replicas}; give a multiple."
            )
        if self.jit_compile and self.strategy == "mirrored":
            raise ConfigError(
                "--jit_compile does not work with --strategy=mirrored; drop "
                "one of the two."
            )

    def check_momentum(self) -> None:
        """Checks the fields about SGD's momentum."""
        check(
            0 <= self.momentum < 1,
            "momentum",
            self.momentum,
            "give a number in [0, 1).",
        )
        if self.nesterov and self.momentum == 0:
            raise ConfigError(
                "--nesterov needs a --momentum above 0; drop it or give one."
            )


@dataclasses.dataclass(frozen=True)
class SearchConfig(Config):
    """Everything that decides the result of a search.

    The defaults are those of the DARTS search on CIFAR-10 (Liu et al., 2019)
    with our masked-autoencoding task; where the paper's body is unknown the
    choice is ours (README, "What is the paper's and what is ours").

    Attributes:
        space: search space: darts, s1, s2, s3, s4 or nasbench201.
        task: how the search is supervised.
        algorithm: how the supernet is trained: darts, or single_path, one
            uniformly drawn architecture a step.
        selection: how the architecture is taken in the end: by "alphas", or
            by held-out loss inside the supernet: "exhaustive", "evolution"
            or, of a supernet with alphas, "perturbation"; "auto" is alphas
            for darts, exhaustive for single_path in nasbench201 and
            evolution elsewhere.
        held_out_images: number of images that candidates of a selection by
            loss are judged by; 0 means 256, or a fifth of the images if that
            is less. single_path trains on all others.
        tuning_epochs: between two decisions of the selection "perturbation"
            train the weights for so many epochs, at a tenth of their first
            learning rate; 0 is none.
        order: order of the architecture gradient, "first" or "second".
        hessian_vector_product: second order only: "finite_difference" (as
            in DARTS) or "exact".
        dataset: "digits", "folder" or a tfds name.
        data_dir: folder of images, or the tfds data directory.
        split: the tfds split to search on.
        max_images: use at most so many images; 0 means all.
        image_size: side in pixels; 0 means the data set's own, else 64.
        augment: random crop (zero padding of 1/8 side) and horizontal flip.
        mask_ratio: part of the patches that is masked, in (0, 1); mae.
        patch_size: side of a patch in pixels; mae and normalized_patches.
        mask_fill: what stands in a masked patch: "zero" (the data set's
            mean), a learnable "token", or Gaussian "noise"; mae.
        noise_level: standard deviation of the strongest noise, where the
            image's is 1; each image has its own, uniform from 0; denoising.
        random_classes: number of labels to draw from; random_labels.
        decoder: from features to pixels: hierarchical, single_scale or
            linear; mae, autoencoder and denoising, as the next two.
        decoder_width: channels inside the decoder; 0 means init_channels.
        reconstruction_loss: "mse", "l1" or "huber".
        loss_region: "masked" patches only, or "full" image; mae.
        target: "pixels", "normalized_patches" (each patch standardised) or,
            denoising alone, "noise".
        init_channels: channels of the first cells (C).
        stem: "cifar", one convolution at full resolution, or "imagenet",
            three that reduce it eight times (darts family).
        num_cells: number of cells (nasbench201: per stage); 0 means the
            space's own: 8 (darts), 5 (nasbench201).
        max_parameters: most trainable parameters of the network found, at
            the evaluation's size; 0 is no limit.
        max_macs: most multiply-accumulates of it for one image; 0 is no
            limit.
        eval_init_channels: C of the network that limits and report are
            about; 0 means the reference's: 36 (darts), 48 (with the
            imagenet stem), 16 (nasbench201).
        eval_num_cells: its number of cells; 0 means the reference's: 20
            (darts), 14 (with the imagenet stem), 5 (nasbench201).
        epochs: passes over the weight half of the images.
        warmup_epochs: epochs in which only weights move; -1 means the
            task's default.
        batch_size: global batch, images.
        weight_learning_rate: initial rate of SGD, annealed by a cosine.
        weight_learning_rate_min: its final value.
        momentum: of SGD.
        nesterov: Nesterov momentum.
        weight_decay: L2 factor added to the weights' gradient.
        clip_norm: global-norm clip of the weights' gradient; 0 is off.
        alpha_learning_rate: rate of Adam(0.5, 0.999).
        alpha_weight_decay: L2 factor added to the alphas' gradient.
        alpha_average: read the architecture off the mean of the architecture
            weights over the last so many epochs that moved them; 1 is the
            last alone, as in DARTS.
        hessian_every: measure the dominant eigenvalue of the alphas' Hessian
            after every so many epochs and the last, on one fixed batch of
            their half (batch_size images); 0 is off.
        seed: of everything random.
        strategy: "auto", "one_device" or "mirrored".
        num_replicas: replicas of "mirrored"; 0 means all GPUs.
        precision: "float32" or "bfloat16" activations.
        jit_compile: compile the step with XLA (one GPU only).
        recompute: compute each cell of the supernet again for its gradient,
            which takes less memory and more time (not with XLA; nothing is
            saved in exact second-order products).
        deterministic: deterministic kernels, for exact resumption.
    """

    space: str = "darts"
    task: str = "mae"
    algorithm: str = "darts"
    selection: str = "auto"
    held_out_images: int = 0
    tuning_epochs: int = 0
    order: str = "first"
    hessian_vector_product: str = "finite_difference"
    dataset: str = "digits"
    data_dir: str = ""
    split: str = "train"
    max_images: int = 0
    image_size: int = 0
    augment: bool = True
    mask_ratio: float = 0.75
    patch_size: int = 8
    mask_fill: str = "zero"
    noise_level: float = 1.5
    random_classes: int = 10
    decoder: str = "hierarchical"
    decoder_width: int = 0
    reconstruction_loss: str = "mse"
    loss_region: str = "masked"
    target: str = "pixels"
    init_channels: int = 16
    stem: str = "cifar"
    num_cells: int = 0
    max_parameters: int = 0
    max_macs: int = 0
    eval_init_channels: int = 0
    eval_num_cells: int = 0
    epochs: int = 50
    warmup_epochs: int = -1
    batch_size: int = 64
    weight_learning_rate: float = 0.025
    weight_learning_rate_min: float = 0.001
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 3e-4
    clip_norm: float = 5.0
    alpha_learning_rate: float = 3e-4
    alpha_weight_decay: float = 1e-3
    alpha_average: int = 1
    hessian_every: int = 0
    seed: int = 0
    strategy: str = "auto"
    num_replicas: int = 0
    precision: str = "float32"
    jit_compile: bool = False
    recompute: bool = False
    deterministic: bool = True

    def validate(self) -> None:
        self._check_ranges()
        self.check_runtime()
        self.check_momentum()
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

    def _check_ranges(self) -> None:
        self.check_each(
            (
                "patch_size",
                "init_channels",
                "epochs",
                "batch_size",
                "alpha_average",
            ),
            lambda value: value >= 1,
            "give a whole number of at least 1.",
        )
        self.check_each(
            (
                "max_images",
                "image_size",
                "decoder_width",
                "num_cells",
                "max_parameters",
                "max_macs",
                "eval_init_channels",
                "eval_num_cells",
                "held_out_images",
                "num_replicas",
            ),
            lambda value: value >= 0,
            "give a positive whole number, or 0 for the default.",
        )
        self.check_each(
            ("hessian_every",),
            lambda value: value >= 0,
            "give a number of epochs, or 0 to measure none.",
        )
        self.check_each(
            ("tuning_epochs",),
            lambda value: value >= 0,
            "give a number of epochs, or 0 for none.",
        )
        self.check_each(
            ("weight_learning_rate", "alpha_learning_rate", "noise_level"),
            lambda value: value > 0,
            "give a positive number.",
        )
        self.check_each(
            (
                "weight_learning_rate_min",
                "weight_decay",
                "alpha_weight_decay",
                "clip_norm",
            ),
            lambda value: value >= 0,
            "give a number of at least 0.",
        )
        self.check_each(
            ("random_classes",),
            lambda value: value >= 2,
            "give a whole number of at least 2.",
        )
        check(
            0 <= self.mask_ratio < 1,
            "mask_ratio",
            self.mask_ratio,
            "give a number in [0, 1).",
        )
        check(
            -1 <= self.warmup_epochs <= self.epochs,
            "warmup_epochs",
            self.warmup_epochs,
            f"give -1 (the task's default) or a number from 0 to the "
            f"{self.epochs} epochs.",
        )
