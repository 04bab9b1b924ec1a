"""Trains a detector with a found network as its backbone.

    python -m tools.train_detector --genotype=runs/first \\
        --dataset=coco_json --annotations=boxes.json --data_dir=FOLDER \\
        --run_dir=runs/detector

tools.evaluate, tools.export and tools.predict take what it leaves. Exit codes:
0 done; 2 bad input; 3 stopped by a signal with a checkpoint written (the same
command goes on); 4 the loss is not finite any more.
"""

from __future__ import annotations

from absl import flags

from flags import train_detector_flags
from tools import resumable, runner

# What --helpshort shows.
flags.adopt_module_key_flags(train_detector_flags)


def main() -> int:
    """Runs the training that the flags ask for; returns the exit code."""
    config = train_detector_flags.detect_config()
    from maenas_tf.detection.experiment import DetectExperiment, DetectResult

    def report(result: DetectResult) -> str:
        summary = result.summary
        validation = ", no validation images."
        if "best_epoch" in summary:
            validation = (
                f", best validation AP {summary['best_validation_ap']:.4f} "
                f"after epoch {summary['best_epoch'] + 1}."
            )
        return (
            f"Trained {summary['parameters']:,} parameters in "
            f"{summary['seconds_train']:.0f} s with {summary['num_images']} "
            f"images and {summary['num_boxes']} boxes; train loss "
            f"{summary['train_loss']:.4f}{validation}"
        )

    return resumable.run(DetectExperiment, config, report)


if __name__ == "__main__":
    runner.run(main)
