r"""Pretrains a found network, without labels.

    python -m tools.pretrain --genotype=runs/first --run_dir=runs/pretrained
    python -m tools.train --genotype=runs/first --init_from=runs/pretrained \
        --run_dir=runs/trained

Exit codes: 0 done; 2 bad input; 3 stopped by a signal with a checkpoint
written (the same command goes on); 4 the loss is not finite any more.
"""

from __future__ import annotations

from absl import flags

from flags import pretrain_flags
from tools import resumable, runner

# What --helpshort shows.
flags.adopt_module_key_flags(pretrain_flags)


def main() -> int:
    """Runs the pretraining that the flags ask for; returns the exit code."""
    config = pretrain_flags.pretrain_config()
    from maenas_tf.training.pretrain_experiment import (
        PretrainExperiment,
        PretrainResult,
    )

    def report(result: PretrainResult) -> str:
        summary = result.summary
        return (
            f"Pretrained {summary['parameters']:,} parameters in "
            f"{summary['seconds_pretrain']:.0f} s with "
            f"{summary['num_images']} images and "
            f"{summary['num_labels_read']} labels; loss "
            f"{summary['train_loss']:.4f}."
        )

    return resumable.run(PretrainExperiment, config, report)


if __name__ == "__main__":
    runner.run(main)
