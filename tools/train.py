"""Trains a found network from scratch, with labels.

    python -m tools.train --genotype=runs/first --run_dir=runs/trained

Exit codes: 0 done; 2 bad input; 3 stopped by a signal with a checkpoint
written (the same command goes on); 4 the loss is not finite any more.
"""

from __future__ import annotations

import sys

from absl import flags

from flags import train_flags
from tools import runner

# What --helpshort shows.
flags.adopt_module_key_flags(train_flags)


def main() -> int:
    """Runs the training that the flags ask for; returns the exit code."""
    config = train_flags.train_config()
    from maenas_tf.training.loop import Diverged, Interrupted, SignalWatch
    from maenas_tf.training.retrain import TrainExperiment

    with SignalWatch().installed() as signals:
        experiment = TrainExperiment(
            config,
            train_flags.RUN_DIR.value,
            resume=train_flags.RESUME.value,
            signals=signals,
            checkpoint_seconds=60.0 * train_flags.CHECKPOINT_MINUTES.value,
        )
        try:
            summary = experiment.run().summary
        except Interrupted as error:
            print(f"{error}; the same command goes on.", file=sys.stderr)
            return runner.INTERRUPTED
        except Diverged as error:
            print(str(error), file=sys.stderr)
            return runner.DIVERGED
    print(
        f"Trained {summary['parameters']:,} parameters in "
        f"{summary['seconds_train']:.0f} s with {summary['num_images']} "
        f"images; train accuracy {summary['train_accuracy']:.4f}"
        + (
            f", best validation accuracy "
            f"{summary['best_validation_accuracy']:.4f} after epoch "
            f"{summary['best_epoch'] + 1}."
            if "best_epoch" in summary
            else ", no validation images."
        )
    )
    return 0


if __name__ == "__main__":
    runner.run(main)
