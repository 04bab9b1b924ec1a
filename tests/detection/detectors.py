"""A detector as small as one can be, for the tests of its users."""

from __future__ import annotations

import keras

from maenas_tf.detection.retinanet import Detector
from maenas_tf.models.backbone import build_backbone

GENOTYPE = (
    "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|"
    "nor_conv_1x1~2|"
)
SIZE = 32


def make_detector(num_classes: int = 2, seed: int = 0) -> Detector:
    """Returns a detector for images of 32 pixels."""
    keras.utils.set_random_seed(seed)
    backbone = build_backbone(GENOTYPE, 2, 1, (SIZE, SIZE, 3), "cifar")
    return Detector(backbone, num_classes, 4, 3.0)
