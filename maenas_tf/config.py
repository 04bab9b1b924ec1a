"""The configuration of a search: one frozen, validated dataclass."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

ORDERS = ("first", "second")
HESSIAN_VECTOR_PRODUCTS = ("finite_difference", "exact")
MASK_FILLS = ("zero", "token", "noise")
RECONSTRUCTION_LOSSES = ("mse", "l1", "huber")
LOSS_REGIONS = ("masked", "full")
TARGETS = ("pixels", "normalized_patches")
STRATEGIES = ("auto", "one_device", "mirrored")
PRECISIONS = ("float32", "bfloat16")


class ConfigError(ValueError):
    """A setting is wrong; the message names it, its value and the remedy."""


def check(condition: bool, name: str, value: Any, expected: str) -> None:
    """Raises `ConfigError` about the setting `name` unless `condition`."""
    if not condition:
        raise ConfigError(f"--{name}={value!s} is not valid: {expected}")


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """Everything that decides the result of a search.

    The defaults are those of the DARTS search on CIFAR-10 (Liu et al., 2019)
    with our masked-autoencoding task; where the paper's body is unknown the
    choice is ours (README, "What is the paper's and what is ours").

    Attributes:
        space: search space.
        task: how the search is supervised.
        algorithm: how architecture parameters become an architecture.
        order: order of the architecture gradient, "first" or "second".
        hessian_vector_product: second order only: "finite_difference" (as
            in DARTS) or "exact".
        dataset: "digits", "folder" or a tfds name.
        data_dir: folder of images, or the tfds data directory.
        split: the tfds split to search on.
        max_images: use at most so many images; 0 means all.
        image_size: side in pixels; 0 means the data set's own, else 64.
        augment: random crop (zero padding of 1/8 side) and horizontal flip.
        mask_ratio: part of the patches that is masked, in (0, 1).
        patch_size: side of a patch in pixels.
        mask_fill: what stands in a masked patch: "zero" (the data set's
            mean), a learnable "token", or Gaussian "noise".
        decoder: name of the decoder.
        decoder_width: channels inside the decoder; 0 means init_channels.
        reconstruction_loss: "mse", "l1" or "huber".
        loss_region: "masked" patches only, or "full" image.
        target: "pixels" or "normalized_patches" (each patch standardised).
        init_channels: channels of the first cells (C).
        num_cells: number of cells (nasbench201: per stage); 0 means the
            space's own: 8 (darts), 5 (nasbench201).
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
        seed: of everything random.
        strategy: "auto", "one_device" or "mirrored".
        num_replicas: replicas of "mirrored"; 0 means all GPUs.
        precision: "float32" or "bfloat16" activations.
        jit_compile: compile the step with XLA (one GPU only).
        deterministic: deterministic kernels, for exact resumption.
    """

    space: str = "darts"
    task: str = "mae"
    algorithm: str = "darts"
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
    decoder: str = "hierarchical"
    decoder_width: int = 0
    reconstruction_loss: str = "mse"
    loss_region: str = "masked"
    target: str = "pixels"
    init_channels: int = 16
    num_cells: int = 0
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
    seed: int = 0
    strategy: str = "auto"
    num_replicas: int = 0
    precision: str = "float32"
    jit_compile: bool = False
    deterministic: bool = True

    def __post_init__(self):
        self._check_choices()
        self._check_ranges()
        self._check_conflicts()

    def _check_choices(self) -> None:
        for name, choices in (
            ("order", ORDERS),
            ("hessian_vector_product", HESSIAN_VECTOR_PRODUCTS),
            ("mask_fill", MASK_FILLS),
            ("reconstruction_loss", RECONSTRUCTION_LOSSES),
            ("loss_region", LOSS_REGIONS),
            ("target", TARGETS),
            ("strategy", STRATEGIES),
            ("precision", PRECISIONS),
        ):
            value = getattr(self, name)
            check(
                value in choices,
                name,
                value,
                f"choose one of {', '.join(choices)}.",
            )

    def _check_ranges(self) -> None:
        for name in ("patch_size", "init_channels", "epochs", "batch_size"):
            value = getattr(self, name)
            check(value >= 1, name, value, "give a whole number of at least 1.")
        for name in (
            "max_images",
            "image_size",
            "decoder_width",
            "num_cells",
            "num_replicas",
        ):
            value = getattr(self, name)
            check(
                value >= 0,
                name,
                value,
                "give a positive whole number, or 0 for the default.",
            )
        for name in ("weight_learning_rate", "alpha_learning_rate"):
            value = getattr(self, name)
            check(value > 0, name, value, "give a positive number.")
        for name in (
            "weight_learning_rate_min",
            "weight_decay",
            "alpha_weight_decay",
            "clip_norm",
            "seed",
        ):
            value = getattr(self, name)
            check(value >= 0, name, value, "give a number of at least 0.")
        check(
            0 <= self.momentum < 1,
            "momentum",
            self.momentum,
            "give a number in [0, 1).",
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

    def _check_conflicts(self) -> None:
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
        if self.hessian_vector_product != "finite_difference" and (
            self.order != "second"
        ):
            raise ConfigError(
                f"--hessian_vector_product={self.hessian_vector_product} has "
                f"no effect with --order={self.order}; add --order=second or "
                f"drop it."
            )
        if self.nesterov and self.momentum == 0:
            raise ConfigError(
                "--nesterov needs a --momentum above 0; drop it or give one."
            )

    def to_json(self) -> str:
        """Returns the configuration as JSON text, one field a line."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> SearchConfig:
        """Reads `to_json`'s text; unknown or missing fields are an error."""
        values = json.loads(text)
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) ^ known)
        if unknown:
            raise ConfigError(
                f"The configuration does not fit this version: field(s) "
                f"{', '.join(unknown)} are unknown or missing."
            )
        return cls(**values)

    def replace(self, **changes: Any) -> SearchConfig:
        """Returns a copy with some fields changed, validated anew."""
        return dataclasses.replace(self, **changes)

    def differences(self, other: SearchConfig) -> list[str]:
        """Returns the names of the fields in which the two differ."""
        return [
            field.name
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        ]
