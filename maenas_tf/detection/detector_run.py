"""A trained detector, read from the run directory of its training alone."""

from __future__ import annotations

import dataclasses
import os
import pathlib

from maenas_tf.config import ConfigError, user_path
from maenas_tf.detection.build import build_detector, load_weights
from maenas_tf.detection.config import DetectConfig
from maenas_tf.detection.retinanet import Detector
from maenas_tf.runs import files
from maenas_tf.spaces import Genotype
from maenas_tf.training.trained_run import (
    Preprocessing,
    read_file,
    read_preprocessing,
)

_WEIGHTS = {"best": files.BEST_WEIGHTS, "last": files.LAST_WEIGHTS}


@dataclasses.dataclass(frozen=True, eq=False)
class DetectorRun:
    """A trained detector and what is needed to use it.

    Attributes:
        detector: of normalised images.
        preprocessing: what normalises them, and the classes' names.
        config: of the training.
        genotype: of the backbone.
        path: the run directory.
        checkpoint: which weights these are, "best" or "last".
    """

    detector: Detector
    preprocessing: Preprocessing
    config: DetectConfig
    genotype: Genotype
    path: pathlib.Path
    checkpoint: str


def load_detector(
    run_dir: str | os.PathLike[str], which: str = "best"
) -> DetectorRun:
    """Reads a trained detector from its run directory, which is not changed.

    Args:
        run_dir: of `tools.train_detector`; one epoch at least is finished.
        which: "best", of the epoch of the highest validation AP (where no
            images were held out there is none, and the last is taken), or
            "last".

    Raises:
        ConfigError: `run_dir` is not that of such a training, or a file in it
            is missing or damaged.
    """
    path = user_path(run_dir)
    config = read_file(path, files.CONFIG, DetectConfig.from_json)
    preprocessing = read_preprocessing(path)
    genotype = read_file(path, files.GENOTYPE, Genotype.from_string)
    if preprocessing.image_size != config.image_size:
        raise ConfigError(
            f"--run_dir={path} holds a {files.PREPROCESSING} for images of "
            f"{preprocessing.image_size} pixels, but its {files.CONFIG} says "
            f"{config.image_size}; give the directory of another run."
        )
    held_out = (path / files.BEST_WEIGHTS).exists()
    checkpoint = which if held_out or config.validation_fraction else "last"
    detector = build_detector(config, genotype, len(preprocessing.class_names))
    load_weights(detector, path / _WEIGHTS[checkpoint])
    return DetectorRun(
        detector, preprocessing, config, genotype, path, checkpoint
    )
