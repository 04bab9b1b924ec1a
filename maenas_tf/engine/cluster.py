"""The processes that make one run together, as they are told of each other."""

from __future__ import annotations

import dataclasses
import json
import os
import re

from maenas_tf.config import ConfigError, WorkerSettings, parse_workers

VARIABLE = "TF_CONFIG"
# Jobs of TensorFlow's clusters that train, the chief's first.
_JOBS = ("chief", "worker")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """All workers, and which of them this process is.

    Attributes:
        addresses: of the workers, as host:port; the first is the chief's.
        index: of this one.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process writes what the run leaves."""
        return self.index == 0

    def name(self, index: int) -> str:
        """Returns what a worker is called in messages."""
        kind = "worker" if index else "the chief, worker"
        return f"{kind} {index} ({self.addresses[index]})"

    def others_in(self, text: str) -> str:
        """Returns the names of the other workers that TensorFlow names."""
        named = {int(index) for index in re.findall(r"/task:(\d+)", text)}
        others = sorted(named - {self.index})
        return " or ".join(map(self.name, others)) or "another worker"


def find_cluster(settings: WorkerSettings) -> Cluster:
    """Returns the cluster that flags or the environment tell of.

    Args:
        settings: where they name workers, the environment is not asked.

    Raises:
        ConfigError: neither tells, or TF_CONFIG is wrong.
    """
    if settings.workers:
        return Cluster(parse_workers(settings.workers), settings.worker_index)
    text = os.environ.get(VARIABLE, "")
    if not text:
        raise ConfigError(
            f"--strategy=multi_worker needs the addresses of all workers; "
            f"give --workers=host:port,host:port and --worker_index, or set "
            f"{VARIABLE}."
        )
    try:
        told = json.loads(text)
        jobs, task = told["cluster"], told["task"]
        job, index = str(task["type"]), int(task["index"])
        addresses = [a for name in _JOBS for a in jobs.get(name, ())]
        count = len(jobs.get(job, ()))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{VARIABLE} cannot be read ({error!r}); set it as TensorFlow "
            f'takes it: {{"cluster": {{"worker": ["host:port", ...]}}, "task": '
            f'{{"type": "worker", "index": 0}}}}.'
        ) from error
    if job not in _JOBS or not 0 <= index < count:
        raise ConfigError(
            f"{VARIABLE} says that this process is {job} {index}, which is "
            f"none of the workers {addresses}; set the task to one of them."
        )
    if job == "worker":
        index += len(jobs.get("chief", ()))
    return Cluster(parse_workers(",".join(addresses), VARIABLE), index)
