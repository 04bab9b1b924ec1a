"""Export of a trained detector, checked before anything is left on disk."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from maenas_tf.config import check, file_names
from maenas_tf.data.augment import normalize
from maenas_tf.detection.detector_run import DetectorRun
from maenas_tf.detection.retinanet import MAX_DETECTIONS
from maenas_tf.detection.serving import ServingDetector
from maenas_tf.engine.tensorflow_paths import tensorflow_path
from maenas_tf.engine.writing import as_os_error
from maenas_tf.runs.atomic import write_text
from maenas_tf.serving import serving_assets
from maenas_tf.serving.export import (
    TOLERANCE,
    ExportError,
    all_or_nothing,
    check_images,
    check_output_dir,
)

FORMAT = "saved_model"


def export_detector(
    run: DetectorRun,
    output_dir: str | os.PathLike[str],
    *,
    version: int = 1,
    report: Callable[[str], None] = print,
) -> float:
    """Exports a trained detector as a SavedModel.

    Writes saved_model/<version>/ with class_names.txt and export.json beside;
    all of it or nothing.

    Args:
        run: the detector and its preprocessing.
        output_dir: missing or empty.
        version: of the SavedModel, a positive whole number.
        report: is given a line before and after.

    Returns:
        The largest difference of a score to the Keras detector's.

    Raises:
        ConfigError: an argument is wrong.
        ExportError: the difference is above `TOLERANCE`.
    """
    path = check_output_dir(output_dir)
    expected = "give a whole number of at least 1."
    check(version >= 1, "version", version, expected)
    with all_or_nothing(path) as directory:
        report(f"Writing and checking {FORMAT}.")
        target = directory / FORMAT / str(version)
        _write(run, directory, target)
        difference = _difference(run, target)
        if not difference <= TOLERANCE:
            raise ExportError(
                f"The {FORMAT} export differs from the Keras detector by "
                f"{difference:.1e} in a score, more than {TOLERANCE:.0e}; "
                f"nothing was written."
            )
        report(
            f"{FORMAT}: {target.relative_to(directory)}, largest difference of "
            f"a score {difference:.1e}"
        )
        names = run.preprocessing.class_names
        serving_assets.write_class_names(names, directory)
        summary = _summary(run, str(target.relative_to(directory)), difference)
        write_text(directory / file_names.EXPORT, summary)
    return difference


def _write(
    run: DetectorRun, directory: pathlib.Path, target: pathlib.Path
) -> None:
    sources = directory / "assets.temporary"
    sources.mkdir()
    names, text = run.preprocessing.class_names, run.preprocessing.to_json()
    assets = [
        serving_assets.write_class_names(names, sources),
        serving_assets.write_preprocessing(text, sources),
    ]
    module = ServingDetector(run.detector, run.preprocessing, assets)
    with as_os_error(target):
        tf.saved_model.save(
            module, tensorflow_path(target), module.signatures()
        )
    shutil.rmtree(sources)


def _difference(run: DetectorRun, target: pathlib.Path) -> float:
    """Returns how far the scores of the fixed images are from Keras'."""
    preprocessing, detector = run.preprocessing, run.detector
    images = check_images(preprocessing.image_size)
    values = normalize(
        tf.constant(images), preprocessing.mean, preprocessing.std
    )
    wanted = detector.decode(detector(values))["scores"].numpy()
    signatures = tf.saved_model.load(tensorflow_path(target)).signatures
    encoded = tf.stack([tf.io.encode_png(image) for image in images])
    found = [
        signatures["serving_uint8"](images=tf.constant(images)),
        signatures["serving_bytes"](image_bytes=encoded),
    ]
    return float(max(np.max(np.abs(each["scores"] - wanted)) for each in found))


def _summary(run: DetectorRun, path: str, difference: float) -> str:
    """Returns the content of export.json."""
    summary = {
        "genotype": run.genotype.to_dict(),
        "checkpoint": run.checkpoint,
        "dataset": run.preprocessing.dataset,
        "input": "image files, or uint8 in 0..255, RGB",
        "output": "boxes (left, upper, right, lower; pixels), classes, scores",
        "image_size": run.preprocessing.image_size,
        "num_classes": len(run.preprocessing.class_names),
        "max_detections": MAX_DETECTIONS,
        "tolerance": TOLERANCE,
        "formats": {FORMAT: {"path": path, "max_difference": difference}},
        "tensorflow": tf.__version__,
    }
    return json.dumps(summary, indent=2) + "\n"
