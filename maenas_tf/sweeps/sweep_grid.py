"""What a sweep runs: the cross product of settings and seeds."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.config import MULTI_WORKER, ConfigError
from maenas_tf.config.grid import check_distinct
from maenas_tf.models.decoder import DECODERS
from maenas_tf.searching.choose import choose
from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import SPACES
from maenas_tf.tasks import TASKS
from maenas_tf.tasks.objective import build_task


@dataclasses.dataclass(frozen=True)
class SweepRun:
    """One combination.

    Attributes:
        name: of its directory: the settings that vary, and the seed.
        config: of the search.
    """

    name: str
    config: SearchConfig


def parse_seeds(text: str) -> tuple[int, ...]:
    """Reads "0,1,2".

    Raises:
        ConfigError: it is no list of different whole numbers.
    """
    try:
        seeds = tuple(int(seed) for seed in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"--seeds={text} is not valid: give whole numbers with commas "
            f"between, as 0,1,2."
        ) from error
    check_distinct(f"--seeds={text}", seeds)
    return seeds


def expand(
    base: Mapping[str, Any],
    grid: Mapping[str, Sequence[Any]],
    seeds: Iterable[int],
) -> list[SweepRun]:
    """Returns every combination, validated, seeds moving fastest.

    Args:
        base: setting to value; those of the grid stand in their place.
        grid: setting to values.
        seeds: of every combination.

    Raises:
        ConfigError: a combination is no valid search; the message names it.
    """
    runs = []
    for *values, seed in itertools.product(*grid.values(), seeds):
        varying = {**dict(zip(grid, values, strict=True)), "seed": seed}
        name = "__".join(f"{k}={_file_part(v)}" for k, v in varying.items())
        try:
            config = SearchConfig(**{**base, **varying})
            _check_registered(config)
        except ConfigError as error:
            raise ConfigError(f"The combination {name}: {error}") from error
        runs.append(SweepRun(name, config))
    _check_apart(runs)
    return runs


def _check_apart(runs: Sequence[SweepRun]) -> None:
    """Refuses runs of which two would make the same search, as a restart."""
    seeds = sorted({run.config.seed for run in runs})
    nearest = min(
        (after - seed for seed, after in itertools.pairwise(seeds)),
        default=math.inf,
    )
    restarts = max((run.config.restarts for run in runs), default=1)
    if nearest < restarts:
        apart = ",".join(
            str(seeds[0] + i * restarts) for i in range(len(seeds))
        )
        raise ConfigError(
            f"--seeds={','.join(map(str, seeds))} with --restarts={restarts} "
            f"makes some searches twice, as restart i has the seed seed + i; "
            f"give --seeds={apart}."
        )


def _file_part(value: Any) -> str:
    """Returns a value as a readable part of a file name, its own alone."""
    text = str(value)
    safe = re.sub(r"[^\w.+-]|^\.+", "-", text, flags=re.ASCII)
    if safe == text and len(text) <= 40:
        return safe
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    return f"{safe[-33:]}-{digest}"


def _check_registered(config: SearchConfig) -> None:
    """Raises ConfigError about what no search of a sweep can be."""
    if config.strategy == MULTI_WORKER:
        raise ConfigError(
            f"--strategy={config.strategy} needs a command on each machine, "
            f"and a sweep starts its searches on this one alone; give another "
            f"one."
        )
    registries = {
        "space": SPACES,
        "task": TASKS,
        "algorithm": ALGORITHMS,
        "decoder": DECODERS,
    }
    for flag, registry in registries.items():
        registry.get_for_flag(flag, getattr(config, flag))
    space = SPACES.get(config.space)
    choose(config, space)
    if config.image_size:
        # What a task asks of the size of the images, labels aside.
        build_task(config, space, config.image_size, 2)
