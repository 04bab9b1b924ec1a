"""Where a step is timed: processes and replicas that make it together."""

from __future__ import annotations

import dataclasses
import re

from maenas_tf.config import MULTI_WORKER, ConfigError


@dataclasses.dataclass(frozen=True)
class Place:
    """Processes and replicas that make a step together.

    Attributes:
        name: in flags and tables.
        strategy: that they follow.
        workers: processes.
        replicas: of each process; 0 where there is but one.
    """

    name: str
    strategy: str
    workers: int = 1
    replicas: int = 0

    @classmethod
    def parse(cls, text: str) -> Place:
        """Reads one_device, mirrored:R, multi_worker:W or multi_worker:WxR.

        Raises:
            ConfigError: it is none of these.
        """
        name = text.strip()
        found = re.fullmatch(
            r"(one_device)|(mirrored):([1-9]\d?)|"
            rf"({MULTI_WORKER}):([1-9]\d?)(?:x([1-9]\d?))?",
            name,
        )
        if found is None:
            raise ConfigError(
                f"--places holds {name!r}, which is no place; give one_device, "
                f"mirrored:2 (replicas), {MULTI_WORKER}:2 (workers) or "
                f"{MULTI_WORKER}:2x2 (workers x replicas), with commas between."
            )
        alone, mirrored, replicas, _, workers, each = found.groups()
        if alone:
            return cls(name, alone)
        if mirrored:
            return cls(name, mirrored, replicas=int(replicas))
        return cls(name, MULTI_WORKER, int(workers), int(each or 0))
