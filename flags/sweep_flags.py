"""The flags of a sweep, besides those of the searches it runs."""

from __future__ import annotations

from typing import Any

from absl import flags

from flags import dataclass_flags
from maenas_tf.config import ConfigError
from maenas_tf.searching.config import SearchConfig

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
    "Settings and their values, every combination of which is searched: "
    "mask_ratio=0.1,0.5;decoder=hierarchical,single_scale (quote the ;).",
)
SEEDS = flags.DEFINE_string(
    "seeds", None, "Seeds of each combination: 0,1,2; default: --seed alone."
)
JOBS = flags.DEFINE_integer(
    "jobs", 1, "So many searches at once.", lower_bound=1
)
CHECKPOINT_MINUTES = flags.DEFINE_float(
    "checkpoint_minutes",
    10.0,
    "Each search writes a checkpoint at least so often, besides after each "
    "epoch.",
    lower_bound=0.0,
)
dataclass_flags.define(SearchConfig, __name__)


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
    """Returns the searches' settings, before the grid changes some."""
    return dataclass_flags.values(SearchConfig)


def seeds() -> str:
    """Returns the text of the seeds.

    Raises:
        ConfigError: two flags tell.
    """
    if SEEDS.value is None:
        return str(flags.FLAGS["seed"].value)
    if flags.FLAGS["seed"].present:
        raise ConfigError(
            f"--seed={flags.FLAGS['seed'].value} has no effect with "
            f"--seeds={SEEDS.value}; drop one of the two."
        )
    return SEEDS.value
