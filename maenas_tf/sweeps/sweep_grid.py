"""What a sweep runs: the cross product of settings and seeds."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
import pathlib
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.config import MULTI_WORKER, Config, ConfigError
from maenas_tf.config.grid import check_distinct
from maenas_tf.models.decoder import DECODERS
from maenas_tf.runs import files
from maenas_tf.runs.run_directory import to_flags
from maenas_tf.searching.choose import choose
from maenas_tf.searching.config import SearchConfig
from maenas_tf.spaces import SPACES, load_genotype
from maenas_tf.tasks import TASKS
from maenas_tf.tasks.objective import build_task

_REGISTRIES = {
    "space": SPACES,
    "task": TASKS,
    "algorithm": ALGORITHMS,
    "decoder": DECODERS,
}


@dataclasses.dataclass(frozen=True)
class Stage:
    """What a run makes in one folder.

    Attributes:
        mark: the file that is there when it is done.
        config: of what writes a run directory there; None of what adds a
            file to one.
        folder: in the directory of the run; "" is that itself.
    """

    mark: str = files.SUMMARY
    config: Config | None = None
    folder: str = ""

    @property
    def restarts(self) -> int:
        """How many runs follow each other in it."""
        return getattr(self.config, "restarts", 1)

    @property
    def epochs(self) -> int:
        """The epochs of all of them."""
        return getattr(self.config, "epochs", 0) * self.restarts

    @property
    def histories(self) -> list[str]:
        """The files with a row an epoch, in its folder."""
        if self.config is None:
            return []
        if self.restarts == 1:
            return [files.HISTORY]
        numbers = range(self.restarts)
        return [f"{files.restart(n)}/{files.HISTORY}" for n in numbers]


@dataclasses.dataclass(frozen=True)
class SweepRun:
    """One combination.

    Attributes:
        name: of its directory: the settings that vary, and the seed.
        stages: what it makes, in order.
        tool: that makes it.
        flags: of the tool, without those that say where to.
    """

    name: str
    stages: tuple[Stage, ...]
    tool: str
    flags: tuple[str, ...]

    @property
    def config(self) -> Config | None:
        """The configuration of the first stage, None if it makes no run."""
        return self.stages[0].config

    def command(self, path: pathlib.Path) -> tuple[str, ...]:
        """Returns what makes the run in a directory."""
        module = f"tools.{self.tool}"
        own = f"--run_dir={path}"
        return (sys.executable, "-m", module, own, *self.flags)


class SweptTool(Protocol):
    """A tool whose runs a sweep can make."""

    name: str
    # Of the settings that a grid may name.
    defaults: Mapping[str, Any]

    def make_run(self, name: str, values: Mapping[str, Any]) -> SweepRun:
        """Returns the run of a combination of settings.

        Args:
            name: of the run.
            values: setting to value, of those that the sweep knows.

        Raises:
            ConfigError: it is no valid run.
        """


class ConfigTool:
    """A tool that makes one run of one configuration.

    Args:
        name: of the tool.
        config_class: its configuration.
        checkpoint_minutes: between checkpoints.
    """

    def __init__(
        self,
        name: str,
        config_class: type[Config],
        checkpoint_minutes: float = 10.0,
    ):
        self.name = name
        self.config_class = config_class
        self.checkpoint_minutes = checkpoint_minutes
        self.defaults = config_class.defaults()

    def make_run(self, name: str, values: Mapping[str, Any]) -> SweepRun:
        config = self.config_class(**values)
        check_registered(config)
        if genotype := config.to_dict().get("genotype"):
            try:
                load_genotype(genotype)
            except ValueError as error:
                raise ConfigError(f"--genotype: {error}") from error
        stage = Stage(config=config)
        minutes = f"--checkpoint_minutes={self.checkpoint_minutes}"
        flags = (minutes, *to_flags(config))
        return SweepRun(name, (stage,), self.name, flags)


def parse_seeds(text: str | None) -> tuple[int, ...]:
    """Reads "0,1,2"; None is none.

    Raises:
        ConfigError: it is no list of different whole numbers.
    """
    if text is None:
        return ()
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
    tool: SweptTool,
    base: Mapping[str, Any],
    grid: Mapping[str, Sequence[Any]],
    seeds: Sequence[int],
) -> list[SweepRun]:
    """Returns every combination, validated, seeds moving fastest.

    Args:
        tool: that makes the runs.
        base: setting to value; those of the grid stand in their place.
        grid: setting to values.
        seeds: of every combination; none leaves them to the base.

    Raises:
        ConfigError: a combination is no valid run; the message names it.
    """
    runs = []
    axes = {**grid, "seed": seeds} if seeds else dict(grid)
    for values in itertools.product(*axes.values()):
        varying = dict(zip(axes, values, strict=True))
        parts = (f"{k}={_file_part(v)}" for k, v in varying.items())
        name = "__".join(parts) or "run"
        try:
            runs.append(tool.make_run(name, {**base, **varying}))
        except ConfigError as error:
            raise ConfigError(f"The combination {name}: {error}") from error
    _check_apart(runs)
    return runs


def _check_apart(runs: Sequence[SweepRun]) -> None:
    """Refuses runs of which two would make the same search, as a restart."""
    # Where nothing but evaluations and exports are made, nothing has a seed.
    first = [run.stages[0] for run in runs if run.config is not None]
    seeds = sorted({stage.config.seed for stage in first})
    nearest = min(
        (after - seed for seed, after in itertools.pairwise(seeds)),
        default=math.inf,
    )
    restarts = max((stage.restarts for stage in first), default=1)
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


def check_registered(config: Config) -> None:
    """Raises ConfigError about what no run of a sweep can be.

    Args:
        config: of what makes a run directory.
    """
    if config.strategy == MULTI_WORKER:
        raise ConfigError(
            f"--strategy={config.strategy} needs a command on each machine, "
            f"and a sweep starts each run on one alone; give another one."
        )
    values = config.to_dict()
    for flag, registry in _REGISTRIES.items():
        if flag in values:
            registry.get_for_flag(flag, values[flag])
    if isinstance(config, SearchConfig):
        space = SPACES.get(config.space)
        choose(config, space)
        if config.image_size:
            # What a task asks of the size of the images, labels aside.
            build_task(config, space, config.image_size, 2)
