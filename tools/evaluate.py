"""Evaluates a trained network, or a detector: how good, how large, how fast.

    python -m tools.evaluate --run_dir=runs/trained
    python -m tools.evaluate --run_dir=runs/detector --annotations=test.json

Prints a table and writes evaluation.json, confusion.png (which classes are
taken for which), worst.png (the images it is most wrong about) and
reliability.png (how far its confidence is to be trusted) into the run
directory; of a detector evaluation.json and detections.png. Exit codes: 0 done;
2 bad input; 3 stopped by a signal, or because another worker is lost.
"""

from __future__ import annotations

from absl import flags

from flags import evaluate_flags
from tools import runner

# What --helpshort shows.
flags.adopt_module_key_flags(evaluate_flags)


def main() -> None:
    """Runs the evaluation that the flags ask for."""
    from maenas_tf.config import user_path
    from maenas_tf.runs.kinds import DETECTION
    from maenas_tf.runs.run_kind import kind_in

    detects = kind_in(user_path(evaluate_flags.RUN_DIR.value)) == DETECTION
    evaluate = evaluate_detector if detects else evaluate_classifier
    with evaluate_flags.together(detects) as run_dir:
        evaluate(run_dir, evaluate_flags.CHECKPOINT.value)


def evaluate_classifier(run_dir: str, checkpoint: str) -> None:
    """Evaluates a run of tools.train."""
    from maenas_tf.training import run_evaluation
    from maenas_tf.training.trained_run import load_trained

    evaluate_flags.check_of_classifier()
    trained = load_trained(run_dir, checkpoint)
    images = run_evaluation.load_evaluation_images(
        trained, **evaluate_flags.images_wanted()
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


def evaluate_detector(run_dir: str, checkpoint: str) -> None:
    """Evaluates a run of tools.train_detector."""
    from maenas_tf.detection import evaluation
    from maenas_tf.detection.detector_run import load_detector

    run = load_detector(run_dir, checkpoint)
    annotations = evaluate_flags.ANNOTATIONS.value
    data = evaluation.load_evaluation_boxes(
        run, annotations=annotations, **evaluate_flags.images_wanted()
    )
    report = evaluation.evaluate_detector(
        run,
        data,
        annotations or evaluate_flags.SPLIT.value,
        evaluate_flags.detector_batch_size(),
    )
    print(evaluation.format_report(report))
    print(f"written: {run.path}/evaluation.json, detections.png")


if __name__ == "__main__":
    runner.run(main)
