"""Where jobs run, and what each of them takes there."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

from maenas_tf.config import (
    NOT_NEGATIVE,
    Config,
    ConfigError,
    Range,
    setting,
)
from maenas_tf.executors import EXECUTORS, Pool
from maenas_tf.executors.ray_cluster import LOCAL

LOCAL_EXECUTOR = "local"


@dataclasses.dataclass(frozen=True)
class ExecutorSettings(Config):
    """Where jobs run; no result depends on it."""

    executor: str = setting(
        LOCAL_EXECUTOR,
        '"local", on this machine, or "ray", on the nodes of a Ray cluster.',
        registry=EXECUTORS,
    )
    ray_address: str = setting(
        LOCAL,
        'of "ray": "local" starts Ray on this machine and ends it again; '
        '"auto" is the cluster that this machine is a node of; host:port is '
        "that of its head node.",
    )
    jobs: int = setting(
        0,
        'so many jobs at once; 0 means 1, and of "ray" as many as the cluster '
        "has room for.",
        Range("give a positive whole number, or 0 for the default.", least=0),
    )
    job_cpus: float = setting(
        1.0,
        'of "ray": CPUs that each job takes, and how many threads TensorFlow '
        "computes with in it.",
        NOT_NEGATIVE,
    )
    job_gpus: float = setting(
        0.0,
        'of "ray": GPUs that each job takes and sees, a part of one too; 0 '
        "means it sees none.",
        NOT_NEGATIVE,
    )
    job_memory_gb: float = setting(
        0.0,
        'of "ray": memory that each job takes, in 10^9 bytes; 0 counts none.',
        NOT_NEGATIVE,
    )

    def validate(self) -> None:
        super().validate()
        EXECUTORS.get_for_flag("executor", self.executor)
        if self.executor != LOCAL_EXECUTOR:
            return
        for name, default in self.defaults().items():
            of_ray = name not in ("executor", "jobs")
            if of_ray and getattr(self, name) != default:
                raise ConfigError(
                    f"--{name}={getattr(self, name)} has no effect with "
                    f"--executor={self.executor}; drop it or give "
                    f"--executor=ray."
                )

    def pool_maker(self) -> Callable[..., Pool] | None:
        """Returns what makes workers that call a function there.

        It is called with what makes that function, and the arguments for
        doing so. None is this process.

        Raises:
            ConfigError: this process is to do several jobs at once.
        """
        make = EXECUTORS.get(self.executor).make_pool
        if make is not None:
            return functools.partial(make, self)
        if self.jobs > 1:
            raise ConfigError(
                f"--jobs={self.jobs} has no effect with --executor="
                f"{self.executor}, which computes in this process; drop it or "
                f"give --executor=ray."
            )
        return None
