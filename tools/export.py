"""Exports a trained network: SavedModel, .keras and LiteRT.

    python -m tools.export --run_dir=RUN --output_dir=DIR \\
        --formats=saved_model,keras,litert

Each model takes images and returns probabilities, its preprocessing inside.
Each is loaded again and compared with the Keras network. A detector becomes a
SavedModel that takes images and returns boxes, classes and scores.

Exit codes: 0 done; 1 a model differs by more than 1e-4 in a probability or
score; 2 bad input; 130 or 143 stopped by a signal. Nothing is left behind but
for 0.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

from absl import flags

from flags import export_flags
from tools import runner

DIFFERENT = 1

# What --helpshort shows.
flags.adopt_module_key_flags(export_flags)


def stop(number: int, frame: FrameType | None) -> None:
    """Ends the program by way of the clean-up of the open directories."""
    del frame
    print("Stopped; nothing was written.", file=sys.stderr)
    sys.exit(128 + number)


def main() -> int:
    """Exports what the flags ask for; returns the exit code."""
    from maenas_tf.config import user_path
    from maenas_tf.runs.kinds import DETECTION
    from maenas_tf.runs.run_kind import kind_in
    from maenas_tf.serving import export

    output_dir = export_flags.OUTPUT_DIR.value
    # Before the network is loaded, which takes longer.
    export.check_formats(export_flags.FORMATS.value)
    export.check_output_dir(output_dir)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    source = export_flags.RUN_DIR.value, export_flags.CHECKPOINT.value
    version = export_flags.VERSION.value
    try:
        if kind_in(user_path(source[0])) == DETECTION:
            from maenas_tf.detection.detector_run import load_detector
            from maenas_tf.detection.export import export_detector

            export_flags.check_formats_of_detector()
            run = load_detector(*source)
            export_detector(run, output_dir, version=version)
        else:
            from maenas_tf.training.trained_run import load_trained

            run = load_trained(*source)
            formats = export_flags.FORMATS.value
            export.export(run, output_dir, formats, version=version)
    except export.ExportError as error:
        print(error, file=sys.stderr)
        return DIFFERENT
    print(f"Exported the {run.checkpoint} checkpoint to {output_dir}.")
    return 0


if __name__ == "__main__":
    runner.run(main)
