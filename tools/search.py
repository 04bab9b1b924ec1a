"""Searches an architecture, without labels by default.

    python -m tools.search --run_dir=runs/first --dataset=digits --epochs=5

Exit codes: 0 done; 2 bad input; 3 stopped by a signal with a checkpoint
written (the same command goes on); 4 the loss is not finite any more.
"""

from __future__ import annotations

import sys

from absl import flags

from flags import search_flags
from tools import runner

# What --helpshort shows.
flags.adopt_module_key_flags(search_flags)


def main() -> int:
    """Runs the search that the flags ask for; returns the exit code."""
    config = search_flags.search_config()
    from maenas_tf.search.constraints import describe
    from maenas_tf.training.experiment import SearchExperiment
    from maenas_tf.training.loop import Diverged, Interrupted, SignalWatch

    with SignalWatch().installed() as signals:
        experiment = SearchExperiment(
            config,
            search_flags.RUN_DIR.value,
            resume=search_flags.RESUME.value,
            signals=signals,
            checkpoint_seconds=60.0 * search_flags.CHECKPOINT_MINUTES.value,
        )
        try:
            result = experiment.run()
        except Interrupted as error:
            print(f"{error}; the same command goes on.", file=sys.stderr)
            return runner.INTERRUPTED
        except Diverged as error:
            print(str(error), file=sys.stderr)
            return runner.DIVERGED
    summary = result.summary
    print(
        f"Found in {summary['seconds_search']:.0f} s with "
        f"{summary['num_images']} images and {summary['num_labels_read']} "
        f"labels:\n{result.genotype}\n"
        f"{describe(summary['evaluation_network'])}"
    )
    return 0


if __name__ == "__main__":
    runner.run(main)
