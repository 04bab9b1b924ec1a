"""Evaluates a trained network: accuracy, size and speed.

    python -m tools.evaluate --run_dir=runs/trained

Prints a table and writes evaluation.json, confusion.png (which classes are
taken for which), worst.png (the images it is most wrong about) and
reliability.png (how far its confidence is to be trusted) into the run
directory. Exit codes: 0 done; 2 bad input; 3 stopped by a signal.
"""

from __future__ import annotations

from absl import flags

from flags import evaluate_flags
from tools import runner

# What --helpshort shows.
flags.adopt_module_key_flags(evaluate_flags)


def main() -> None:
    """Runs the evaluation that the flags ask for."""
    from maenas_tf.training import run_evaluation
    from maenas_tf.training.trained_run import load_trained

    trained = load_trained(
        evaluate_flags.RUN_DIR.value, evaluate_flags.CHECKPOINT.value
    )
    images = run_evaluation.load_evaluation_images(
        trained,
        dataset=evaluate_flags.DATASET.value,
        data_dir=evaluate_flags.DATA_DIR.value,
        split=evaluate_flags.SPLIT.value,
        max_images=evaluate_flags.MAX_IMAGES.value,
    )
    report = run_evaluation.evaluate_run(
        trained,
        images,
        evaluate_flags.SPLIT.value,
        evaluate_flags.BATCH_SIZE.value,
    )
    print(run_evaluation.format_report(report))
    print(
        f"written: {trained.path}/evaluation.json, confusion.png, worst.png, "
        f"reliability.png"
    )


if __name__ == "__main__":
    runner.run(main)
