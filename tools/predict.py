"""Writes the classes of images, or boxes in them, to a CSV file.

    python -m tools.predict --saved_model=DIR/saved_model --images=FOLDER \\
        --output=predictions.csv
    python -m tools.predict --saved_model=DETECTOR/saved_model \\
        --images=FOLDER --output=boxes.csv --pictures=drawn

Images of any size are resized as in the training, which is said; unreadable
files are named and left out. Exit codes: 0 done; 2 bad input; 3 stopped by a
signal, with nothing written.
"""

from __future__ import annotations

from absl import flags

from flags import predict_flags
from tools import runner

# What --helpshort shows.
flags.adopt_module_key_flags(predict_flags)


def main() -> None:
    """Predicts what the flags ask for."""
    from maenas_tf.detection.predict import is_detector, predict_boxes
    from maenas_tf.serving.predict import predict

    output = predict_flags.OUTPUT.value
    what = predict_flags.SAVED_MODEL.value, predict_flags.IMAGES.value, output
    batch_size = predict_flags.BATCH_SIZE.value
    detects = is_detector(what[0])
    predict_flags.check_use(detects)
    if detects:
        done = predict_boxes(
            *what,
            pictures=predict_flags.PICTURES.value,
            min_score=predict_flags.MIN_SCORE.value,
            batch_size=batch_size,
        )
    else:
        top_k = predict_flags.TOP_K.value
        done = predict(*what, top_k=top_k, batch_size=batch_size)
    print(f"{done}\nWritten to {output}.")


if __name__ == "__main__":
    runner.run(main)
