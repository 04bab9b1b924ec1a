"""Settings about devices and how they compute."""

from __future__ import annotations

import dataclasses

from maenas_tf.config.base import (
    POSITIVE,
    ZERO_IS_DEFAULT,
    Config,
    ConfigError,
    Range,
    setting,
)
from maenas_tf.config.data import BatchSizeSettings
from maenas_tf.config.paths import user_path

MULTI_WORKER = "multi_worker"
_OF_REPLICAS = ("mirrored", MULTI_WORKER)


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
class WorkerSettings(Config):
    """Which processes make a run together, and which of them this one is."""

    workers: str = setting(
        "",
        'of "multi_worker": the address of each worker as host:port, separated '
        "by commas, the same list everywhere; the first is the chief, who "
        "alone writes the run directory. Empty takes them from the "
        "environment variable TF_CONFIG.",
        of_place=True,
    )
    worker_index: int = setting(
        -1,
        "which of --workers this process is, from 0; -1 where none are given.",
        Range("give the place in --workers, from 0.", least=-1),
        of_place=True,
    )
    worker_timeout: float = setting(
        300.0,
        "seconds that workers wait for each other to start.",
        POSITIVE,
        of_place=True,
    )

    def validate(self) -> None:
        """Raises ConfigError: the workers are none, or this is none."""
        super().validate()
        if not self.workers:
            if self.worker_index >= 0:
                raise ConfigError(
                    f"--worker_index={self.worker_index} needs --workers, the "
                    f"addresses of all workers; give both or none."
                )
            return
        count = len(parse_workers(self.workers))
        if not 0 <= self.worker_index < count:
            raise ConfigError(
                f"--worker_index={self.worker_index} is none of the {count} "
                f"--workers={self.workers}; give one from 0 to {count - 1}, "
                f"another on each of them."
            )


def check_strategy(settings: WorkerSettings) -> None:
    """Raises ConfigError if there are workers for a strategy without them.

    Args:
        settings: they have a `strategy`.
    """
    if settings.workers and settings.strategy != MULTI_WORKER:
        raise ConfigError(
            f"--workers={settings.workers} needs --strategy={MULTI_WORKER}, "
            f"not --strategy={settings.strategy}."
        )


def parse_workers(text: str, named: str = "--workers") -> tuple[str, ...]:
    """Reads addresses as host:port, separated by commas.

    Args:
        text: the addresses.
        named: what they are called in messages.

    Raises:
        ConfigError: one is no such address, or is there twice.
    """
    addresses = tuple(part.strip() for part in text.split(","))
    for address in addresses:
        host, _, port = address.rpartition(":")
        if not host or not port.isascii() or not port.isdigit():
            raise ConfigError(
                f"{named}={text} holds {address!r}, which is no host:port; "
                f"give addresses such as gpu1:2222,gpu2:2222."
            )
        if not 0 < int(port) < 2**16:
            raise ConfigError(
                f"{named}={text} holds the port {port}; give one from 1 to "
                f"65535."
            )
    twice = [a for a in addresses if addresses.count(a) > 1]
    if twice:
        raise ConfigError(
            f"{named}={text} holds {twice[0]} twice; give each worker an "
            f"address of its own."
        )
    return addresses


@dataclasses.dataclass(frozen=True)
class StepCacheSettings(Config):
    """Where traced steps are kept."""

    step_cache: str = setting(
        "auto",
        "directory in which traced steps are kept for the runs on one device "
        'that would trace the same; "auto" is maenas_tf/steps in '
        '$XDG_CACHE_HOME or ~/.cache, "off" is none.',
        of_place=True,
    )

    def validate(self) -> None:
        """Raises ConfigError: it is no directory."""
        super().validate()
        if not self.step_cache:
            raise ConfigError(
                '--step_cache is empty; give a directory, "auto" or "off".'
            )
        try:
            user_path(self.step_cache)
        except ConfigError as error:
            raise ConfigError(
                f"--step_cache={self.step_cache}: {error}"
            ) from error


@dataclasses.dataclass(frozen=True)
class DeviceSettings(RuntimeSettings, BatchSizeSettings, WorkerSettings):
    """How TensorFlow computes, on how many devices."""

    strategy: str = setting(
        "auto",
        '"auto" (all GPUs of this machine, or its CPU), "one_device", '
        '"mirrored" (several devices of this machine) or "multi_worker" (the '
        "same command on several machines).",
        choices=("auto", "one_device", "mirrored", "multi_worker"),
        of_place=True,
    )
    num_replicas: int = setting(
        0,
        'replicas of "mirrored", and of each worker of "multi_worker"; 0 means '
        "all GPUs.",
        ZERO_IS_DEFAULT,
        of_place=True,
    )
    sync_statistics: bool = setting(
        True,
        "normalise by the statistics of the batch of all replicas together, so "
        "that their number does not change the result; without, each takes "
        "those of its own part, and far fewer messages are sent.",
    )
    jit_compile: bool = setting(
        False, "compile the step with XLA (one GPU only)."
    )

    def validate(self) -> None:
        super().validate()
        if self.num_replicas and self.strategy not in _OF_REPLICAS:
            raise ConfigError(
                f"--num_replicas={self.num_replicas} needs "
                f"--strategy=mirrored, or multi_worker, not "
                f"--strategy={self.strategy}."
            )
        check_strategy(self)
        if self.strategy in _OF_REPLICAS:
            count = self.num_replicas
            if self.workers:
                count = max(count, 1) * len(parse_workers(self.workers))
            self.check_replicas(count)

    def check_replicas(self, count: int) -> None:
        """Raises ConfigError about what so many replicas cannot do.

        Args:
            count: how many there are; 0 where that is not known yet.
        """
        if count > 1 and self.batch_size % count:
            sharing = f"{count} replicas, one for each GPU"
            if self.strategy == MULTI_WORKER:
                sharing = f"the {count} replicas of all workers"
            elif self.num_replicas:
                sharing = f"--num_replicas={count}"
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
        return count != 1 or self.strategy in _OF_REPLICAS
