"""Trains a found network from scratch, with labels.

    python -m tools.train --genotype=runs/first --run_dir=runs/trained

Exit codes: 0 done; 2 bad input; 3 stopped by a signal with a checkpoint
written (the same command goes on); 4 the loss is not finite any more.
"""

from __future__ import annotations

from absl import flags

from flags import train_flags
from tools import resumable, runner

# What --helpshort shows.
flags.adopt_module_key_flags(train_flags)


def main() -> int:
    """Runs the training that the flags ask for; returns the exit code."""
    config = train_flags.train_config()
    from maenas_tf.training.experiment import TrainExperiment, TrainResult

    def report(result: TrainResult) -> str:
        summary = result.summary
        validation = ", no validation images."
        if "best_epoch" in summary:
            validation = (
                f", best validation accuracy "
                f"{summary['best_validation_accuracy']:.4f} after epoch "
                f"{summary['best_epoch'] + 1}."
            )
        return (
            f"Trained {summary['parameters']:,} parameters in "
            f"{summary['seconds_train']:.0f} s with {summary['num_images']} "
            f"images; train accuracy {summary['train_accuracy']:.4f}"
            f"{validation}"
        )

    return resumable.run(TrainExperiment, config, report)


if __name__ == "__main__":
    runner.run(main)
