"""Writes the classes of images to a CSV file, by an exported model.

    python -m tools.predict --saved_model=DIR/saved_model --images=FOLDER \\
        --output=predictions.csv

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
    from maenas_tf.serving.predict import predict

    output = predict_flags.OUTPUT.value
    done = predict(
        predict_flags.SAVED_MODEL.value,
        predict_flags.IMAGES.value,
        output,
        top_k=predict_flags.TOP_K.value,
        batch_size=predict_flags.BATCH_SIZE.value,
    )
    print(f"{done}\nWritten to {output}.")


if __name__ == "__main__":
    runner.run(main)
