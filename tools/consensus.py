r"""One architecture of several searches, off the mean of their weights.

    python -m tools.sweep --flagfile=flags/recipes/quickstart.flags \
        --sweep_dir=runs/sweep --seeds=0,1,2,3
    python -m tools.consensus --runs=runs/sweep --output_dir=runs/consensus

Reads no label, and takes a second; what the table of NAS-Bench-201
or NAS-Bench-Macro (--benchmark_file) says of what was found is looked up
afterwards. Exit codes: 0 done; 2 bad input; 3
stopped by a signal.
"""

from __future__ import annotations

from absl import flags

from flags import consensus_flags
from tools import runner

# What --helpshort shows.
flags.adopt_module_key_flags(consensus_flags)


def main() -> None:
    """Writes what the searches agree on."""
    from maenas_tf.config import ConfigError
    from maenas_tf.runs.run_reader import require_runs
    from maenas_tf.runs.run_record import label
    from maenas_tf.searching.config import SearchConfig
    from maenas_tf.searching.consensus import find_consensus
    from maenas_tf.spaces.true_accuracies import TrueAccuracies

    output_dir = consensus_flags.OUTPUT_DIR.value
    records, _ = require_runs(consensus_flags.RUNS.value, SearchConfig.unsaid())
    truth = TrueAccuracies(consensus_flags.BENCHMARK_FILE.value)
    truth.check_used(record.genotype.space for record in records)
    consensus = find_consensus(records, truth)
    try:
        consensus.write(output_dir)
    except OSError as error:
        raise ConfigError(
            f"--output_dir={output_dir} cannot be written "
            f"({error.strerror}); give a directory of your own."
        ) from error
    for name, genotype in consensus.runs.items():
        print(f"{name}: {genotype}")
    print(
        f"{len(records)} searches, {consensus.num_labels_read:,} labels:\n"
        f"{consensus.genotype}"
    )
    for measure, value in consensus.true_figures.items():
        print(f"{label(measure)}: {value:.2f}")


if __name__ == "__main__":
    runner.run(main)
