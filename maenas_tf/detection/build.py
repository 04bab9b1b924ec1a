"""A detector for a genotype, and where its weights come from and go to."""

from __future__ import annotations

import pathlib
import zipfile

import numpy as np

from maenas_tf.config import ConfigError
from maenas_tf.detection.config import DetectConfig
from maenas_tf.detection.retinanet import Detector
from maenas_tf.models.backbone import build_backbone
from maenas_tf.runs import atomic
from maenas_tf.skeletons import evaluation_size
from maenas_tf.spaces import SPACES, Genotype


def build_detector(
    config: DetectConfig, genotype: Genotype, num_classes: int
) -> Detector:
    """Builds a detector with random weights.

    Args:
        config: says how wide and deep it is, and for which images.
        genotype: of the backbone.
        num_classes: what it tells apart.

    Raises:
        ConfigError: there is no such network.
    """
    size = evaluation_size(
        SPACES.get(genotype.space), config.stem, num_cells=config.num_cells
    )
    side = config.image_size
    backbone = build_backbone(
        genotype,
        config.init_channels,
        size.num_cells,
        (side, side, 3),
        config.stem,
    )
    return Detector(
        backbone,
        num_classes,
        config.head_channels,
        config.anchor_scale,
        config.head_norm == "group",
    )


def save_weights(detector: Detector, target: pathlib.Path) -> None:
    """Writes every weight by its path, at once or not at all."""
    arrays = {v.path: v.numpy() for v in detector.model.variables}
    atomic.write_arrays(target, arrays)


def load_weights(detector: Detector, source: pathlib.Path) -> None:
    """Reads `save_weights`' file.

    Raises:
        ConfigError: it is missing, damaged, or of another detector.
    """
    variables = {v.path: v for v in detector.model.variables}
    try:
        with np.load(source, allow_pickle=False) as stored:
            arrays = dict(stored)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigError(
            f"{source} cannot be read ({error}): it is written after the first "
            f"epoch of a detector's training; finish one, or give the "
            f"directory of another run."
        ) from error
    shapes = {path: array.shape for path, array in arrays.items()}
    if shapes != {path: tuple(v.shape) for path, v in variables.items()}:
        raise ConfigError(
            f"{source} holds the weights of another detector than the "
            f"config.json beside it; give the directory of another run."
        )
    for path, variable in variables.items():
        variable.assign(arrays[path])
