r"""Times steps, input and memory; two ways in turn, in one run.

    python -m tools.benchmark --what=search_step,memory --against=plain
    python -m tools.benchmark --against=order=second
    python -m tools.benchmark --against=commit:HEAD~1 --output_dir=DIR
    python -m tools.benchmark --what=search_step,memory \
        --vary="init_channels=4,8,16;batch_size=16,32,64" --output_dir=DIR

Prints a table; with --output_dir it writes a page too, benchmark.html, and
keeps the history of runs there. A ratio is that of measurements taken one
after the other, its median and range. Exit codes: 0 done; 2 bad input; 3
stopped by a signal.
"""

from __future__ import annotations

from absl import flags

from flags import benchmark_flags
from tools import runner

# What --helpshort shows.
flags.adopt_module_key_flags(benchmark_flags)


def main() -> int:
    """Measures what the flags ask for; returns the exit code."""
    config = benchmark_flags.benchmark_config()
    from maenas_tf.timing.benchmark import Benchmark
    from maenas_tf.timing.report import write_report

    benchmark = Benchmark(config)
    print(write_report(benchmark.run(), benchmark_flags.OUTPUT_DIR.value))
    return 0


if __name__ == "__main__":
    runner.run(main)
