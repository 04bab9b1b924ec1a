"""The flags of a sweep, besides those of the tool whose runs it makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from absl import flags

from flags import dataclass_flags, stage_flags
from maenas_tf.config import Config, ConfigError
from maenas_tf.detection.config import DetectConfig
from maenas_tf.executors.settings import ExecutorSettings
from maenas_tf.searching.config import SearchConfig
from maenas_tf.training.config import PretrainConfig, TrainConfig

PIPELINE = "pipeline"
CONFIGS: dict[str, type[Config]] = {
    "search": SearchConfig,
    "pretrain": PretrainConfig,
    "train": TrainConfig,
    "train_detector": DetectConfig,
}

TOOL = flags.DEFINE_enum(
    "tool",
    "search",
    [*CONFIGS, PIPELINE],
    "Whose runs are made; the flags of that tool are base settings, instead of "
    "those of a search.",
)
SWEEP_DIR = flags.DEFINE_string(
    "sweep_dir",
    None,
    "Where the run directories are made; <run_dir>_sweep where a recipe "
    "names a run_dir.",
)
RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Of a recipe; names the sweep_dir if that is not given."
)
GRID = flags.DEFINE_string(
    "grid",
    "",
    "Settings and their values, every combination of which is run: "
    "mask_ratio=0.1,0.5;decoder=hierarchical,single_scale (quote the ;). Of a "
    "pipeline with the stage: search.mask_ratio=0.1,0.5.",
)
SEEDS = flags.DEFINE_string(
    "seeds",
    None,
    "Seeds of each combination: 0,1,2; default: --seed alone. Of a pipeline "
    "they are those of all stages.",
)
CHECKPOINT_MINUTES = flags.DEFINE_float(
    "checkpoint_minutes",
    10.0,
    "Each run writes a checkpoint at least so often, besides after each epoch.",
    lower_bound=0.0,
)
dataclass_flags.define(ExecutorSettings, __name__)
dataclass_flags.define(SearchConfig, __name__)
_OF_TOOLS = {
    *stage_flags.NAMES,
    *(name for config in CONFIGS.values() for name in config.settings()),
}


def define_settings(argv: Sequence[str]) -> None:
    """Defines the flags of the tool that a command names, of no other.

    Args:
        argv: the command; flags that are not known yet do not matter.
    """
    asked = flags.FlagValues()
    tools = [*CONFIGS, PIPELINE]
    flags.DEFINE_enum("tool", "search", tools, "", flag_values=asked)
    try:
        asked(argv, known_only=True)
    except (flags.Error, OSError, ValueError, RecursionError):
        return  # Who reads all flags says what is wrong.
    for name in _OF_TOOLS.intersection(flags.FLAGS):
        delattr(flags.FLAGS, name)
    if asked.tool == PIPELINE:
        stage_flags.define(__name__)
    else:
        dataclass_flags.define(CONFIGS[asked.tool], __name__)


def sweep_dir() -> str:
    """Returns where the run directories are to be.

    Raises:
        ConfigError: no flag tells.
    """
    if SWEEP_DIR.value:
        return SWEEP_DIR.value
    if not RUN_DIR.value:
        raise ConfigError(
            "--sweep_dir is missing: give the directory that the run "
            "directories are made in."
        )
    return f"{RUN_DIR.value.rstrip('/')}_sweep"


def base_settings() -> dict[str, Any]:
    """Returns the runs' settings, before the grid changes some."""
    if TOOL.value == PIPELINE:
        return stage_flags.values()
    return dataclass_flags.values(CONFIGS[TOOL.value])


def executor_settings() -> ExecutorSettings:
    """Returns where the runs are to be made.

    Raises:
        ConfigError: a value is wrong or in conflict with another.
    """
    return dataclass_flags.read(ExecutorSettings)


def seeds() -> str | None:
    """Returns the text of the seeds, None where the base settings have them.

    Raises:
        ConfigError: two flags tell.
    """
    if TOOL.value == PIPELINE:
        return SEEDS.value
    if SEEDS.value is None:
        return str(flags.FLAGS["seed"].value)
    if flags.FLAGS["seed"].present:
        raise ConfigError(
            f"--seed={flags.FLAGS['seed'].value} has no effect with "
            f"--seeds={SEEDS.value}; drop one of the two."
        )
    return SEEDS.value
