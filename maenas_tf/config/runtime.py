"""Settings about devices and how they compute."""

from __future__ import annotations

import dataclasses

from maenas_tf.config.base import (
    ZERO_IS_DEFAULT,
    Config,
    ConfigError,
    Range,
    setting,
)
from maenas_tf.config.data import BatchSizeSettings


@dataclasses.dataclass(frozen=True)
class RuntimeSettings(Config):
    """How TensorFlow computes."""

    seed: int = setting(
        0,
        "of everything random.",
        Range(
            "give a whole number from 0 to 4294967295.", least=0, below=2**32
        ),
    )
    precision: str = setting(
        "float32",
        '"float32" or "bfloat16" activations.',
        choices=("float32", "bfloat16"),
    )
    deterministic: bool = setting(
        True, "deterministic kernels, for exact resumption."
    )


@dataclasses.dataclass(frozen=True)
class DeviceSettings(RuntimeSettings, BatchSizeSettings):
    """How TensorFlow computes, on how many devices."""

    strategy: str = setting(
        "auto",
        '"auto", "one_device" or "mirrored".',
        choices=("auto", "one_device", "mirrored"),
    )
    num_replicas: int = setting(
        0, 'replicas of "mirrored"; 0 means all GPUs.', ZERO_IS_DEFAULT
    )
    jit_compile: bool = setting(
        False, "compile the step with XLA (one GPU only)."
    )

    def validate(self) -> None:
        super().validate()
        if self.num_replicas and self.strategy != "mirrored":
            raise ConfigError(
                f"--num_replicas={self.num_replicas} needs "
                f"--strategy=mirrored, not --strategy={self.strategy}."
            )
        if self.strategy == "mirrored":
            self.check_replicas(self.num_replicas)

    def check_replicas(self, count: int) -> None:
        """Raises ConfigError about what so many replicas cannot do.

        Args:
            count: how many there are; 0 where that is not known yet.
        """
        if count > 1 and self.batch_size % count:
            sharing = (
                f"--num_replicas={count}"
                if self.num_replicas
                else f"{count} replicas, one for each GPU"
            )
            raise ConfigError(
                f"--batch_size={self.batch_size} cannot be shared equally by "
                f"{sharing}; give a multiple of {count}."
            )
        if self.jit_compile and self.takes_several(count):
            raise ConfigError(
                f"--jit_compile is for one device, but --strategy="
                f"{self.strategy} takes several; drop it or give "
                f"--strategy=one_device."
            )

    def takes_several(self, count: int) -> bool:
        """Whether a step is for several devices, be there one of them only.

        Args:
            count: of replicas; 0 where that is not known yet.
        """
        return count != 1 or self.strategy == "mirrored"
