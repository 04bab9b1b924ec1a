"""The flags of a benchmark: one for each setting."""

from __future__ import annotations

from absl import flags

from flags import dataclass_flags
from maenas_tf.timing.config import BenchmarkConfig

OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    "",
    "Where benchmark.html, .json, .csv, .md and plots are written, and the "
    "history of the runs there goes on; empty: nowhere.",
)
dataclass_flags.define(BenchmarkConfig, __name__)


def benchmark_config() -> BenchmarkConfig:
    """Returns the configuration that the flags ask for.

    Raises:
        ConfigError: a value is out of range or in conflict with another.
    """
    return dataclass_flags.read(BenchmarkConfig)
