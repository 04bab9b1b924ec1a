"""The detector: keras-cv's RetinaNet on a backbone of ours.

The one module that knows keras-cv, so that a successor can take its place.
keras-cv is imported where it is needed: that takes seconds.

Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from maenas_tf.detection.pyramid import FeaturePyramid, PredictionHead
from maenas_tf.models.backbone import Backbone

# Left, upper, right and lower side, in pixels.
BOX_FORMAT = "xyxy"
MAX_DETECTIONS = 100
# Of two boxes that share more than this the less likely one is dropped.
SHARED = 0.5
# A detection that is less likely is none.
LEAST_SCORE = 0.05
# The probability that anything is found, before the training.
_PRIOR = 0.01
_RATIOS, _SCALES = (0.5, 1.0, 2.0), (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
_NUM_LEVELS = 5
# Features that are finer cost more than they tell.
_FINEST_LEVEL = 2
# By these names RetinaNet asks for three features, whatever their resolution.
_ASKED = ("P3", "P4", "P5")

Targets = tuple[tf.Tensor, tf.Tensor]
Outputs = Mapping[str, tf.Tensor]


class _NoMetric:
    """Takes the place of a metric of keras-cv, whose state nobody reads.

    It would be a variable that differs from replica to replica.
    """

    def update_state(self, *arguments: Any) -> None:
        """Does nothing."""


def pyramid_levels(levels: Sequence[int]) -> tuple[list[int], int]:
    """Chooses what a pyramid is built on.

    Args:
        levels: how often each of the backbone's features is halved against
            the images, fine to coarse.

    Returns:
        The levels to take: the last three at most, from a quarter of the
        resolution on; and how many coarser ones are added to make five.
    """
    taken = [level for level in levels if level >= _FINEST_LEVEL][-3:]
    return taken, _NUM_LEVELS - len(taken)


class Detector:
    """A RetinaNet, what its outputs mean, and what they are trained towards.

    Args:
        backbone: of square images of a fixed size.
        num_classes: K.
        channels: of pyramid and heads; 256 in the literature.
        anchor_scale: side of the smallest anchors of each map, in distances
            between its pixels; 4 in the literature.
        normalized: whether the heads are; not in the literature.

    Attributes:
        model: a Keras model of normalised images [B, S, S, 3] to outputs,
            "box" [B, A, 4] and "classification", logits [B, A, K].
        image_size: S.
        num_classes: K.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int,
        channels: int = 256,
        anchor_scale: float = 4.0,
        normalized: bool = True,
    ):
        import keras_cv

        self.backbone = backbone
        self.num_classes = num_classes
        self.image_size = backbone.image_shape[0]
        taken, num_coarser = pyramid_levels(backbone.trunk.plan.levels)
        strides = [2 ** (taken[0] + i) for i in range(_NUM_LEVELS)]
        anchors = keras_cv.layers.AnchorGenerator(
            bounding_box_format=BOX_FORMAT,
            sizes=[anchor_scale * stride for stride in strides],
            scales=list(_SCALES),
            aspect_ratios=list(_RATIOS),
            strides=strides,
            clip_boxes=True,
            dtype="float32",
        )
        per_place = len(_RATIOS) * len(_SCALES)
        self.model = keras_cv.models.RetinaNet(
            backbone=_as_asked(backbone),
            num_classes=num_classes,
            bounding_box_format=BOX_FORMAT,
            anchor_generator=anchors,
            prediction_decoder=keras_cv.layers.NonMaxSuppression(
                bounding_box_format=BOX_FORMAT,
                from_logits=True,
                iou_threshold=SHARED,
                confidence_threshold=LEAST_SCORE,
                max_detections=MAX_DETECTIONS,
                dtype="float32",
            ),
            feature_pyramid=FeaturePyramid(
                _ASKED[-len(taken) :], num_coarser, channels, name="pyramid"
            ),
            classification_head=PredictionHead(
                per_place * num_classes,
                channels,
                -math.log((1 - _PRIOR) / _PRIOR),
                normalized=normalized,
                name="class_head",
            ),
            box_head=PredictionHead(
                per_place * 4, channels, normalized=normalized, name="box_head"
            ),
            name="detector",
        )
        self.model.label_encoder.matched_boxes_metric = _NoMetric()
        self._class_loss = keras_cv.losses.FocalLoss(
            from_logits=True, reduction="none", dtype="float32"
        )
        self._box_loss = keras_cv.losses.SmoothL1Loss(
            reduction="none", dtype="float32"
        )

    def __call__(self, images: tf.Tensor, training: bool = False) -> Outputs:
        """Returns the outputs for normalised images [B, S, S, 3]."""
        return self.model({"images": images}, training=training)

    def targets(self, boxes: tf.Tensor, classes: tf.Tensor) -> Targets:
        """Returns what each anchor is to say.

        Args:
            boxes: float32 [B, M, 4], -1 where there is none.
            classes: float32 [B, M], -1 where there is none.

        Returns:
            Boxes relative to the anchors [B, A, 4], and classes [B, A]; -1 is
            background and -2 is neither.
        """
        side = self.image_size
        images = tf.zeros((1, side, side, 3))
        return self.model.label_encoder(
            images, {"boxes": boxes, "classes": classes}
        )

    def num_taken(self, targets: Targets) -> tf.Tensor:
        """Returns the number of anchors that stand for a box, float32 []."""
        return tf.reduce_sum(tf.cast(targets[1] > -1.0, tf.float32))

    def losses(
        self, outputs: Outputs, targets: Targets
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the sums of the losses of boxes and classes, [B] each.

        Nothing is divided: who knows all replicas divides by `num_taken`.
        """
        boxes, classes = targets
        taken = tf.cast(classes > -1.0, tf.float32)
        counted = tf.cast(tf.not_equal(classes, -2.0), tf.float32)
        wanted = tf.one_hot(tf.cast(classes, tf.int32), self.num_classes)
        box = self._box_loss(boxes, tf.cast(outputs["box"], tf.float32))
        logits = tf.cast(outputs["classification"], tf.float32)
        named = self._class_loss(wanted, logits)
        return tf.reduce_sum(box * taken, 1), tf.reduce_sum(named * counted, 1)

    def decode(self, outputs: Outputs) -> dict[str, tf.Tensor]:
        """Returns what was found.

        Args:
            outputs: of the model.

        Returns:
            "boxes" float32 [B, 100, 4] in pixels, inside of the image,
            "classes" int64 [B, 100], "scores" float32 [B, 100], the likeliest
            first, and "num_detections" int32 [B]; -1 behind the last.
        """
        side = self.image_size
        outputs = {k: tf.cast(v, tf.float32) for k, v in outputs.items()}
        found = self.model.decode_predictions(
            outputs, tf.zeros((1, side, side, 3))
        )
        there = found["confidence"] >= 0
        boxes = tf.clip_by_value(found["boxes"], 0.0, float(side))
        return {
            "boxes": tf.where(there[..., tf.newaxis], boxes, -1.0),
            "classes": tf.cast(found["classes"], tf.int64),
            "scores": tf.cast(found["confidence"], tf.float32),
            "num_detections": tf.cast(found["num_detections"], tf.int32),
        }


def _as_asked(backbone: Backbone) -> keras.Model:
    """Returns a backbone whose last three features have RetinaNet's names."""
    named = keras.Model(backbone.inputs, backbone.outputs, name="backbone")
    layers = list(backbone.pyramid_level_inputs.values())[-len(_ASKED) :]
    named.pyramid_level_inputs = dict(zip(_ASKED, layers, strict=True))
    return named


class AveragePrecision:
    """COCO's figures of what was found in images, batch by batch."""

    def __init__(self):
        import keras_cv

        self._metrics = keras_cv.metrics.BoxCOCOMetrics(
            bounding_box_format=BOX_FORMAT, evaluate_freq=10**9
        )

    def add(
        self,
        boxes: tf.Tensor,
        classes: tf.Tensor,
        found: Mapping[str, tf.Tensor],
    ) -> None:
        """Adds images.

        Args:
            boxes: that there are, [B, M, 4], -1 behind the last.
            classes: of these, [B, M].
            found: of `Detector.decode`.
        """
        self._metrics.update_state(
            {"boxes": boxes, "classes": classes},
            {
                "boxes": found["boxes"],
                "classes": tf.cast(found["classes"], tf.float32),
                "confidence": found["scores"],
            },
        )

    def result(self) -> dict[str, float]:
        """Returns the figures, in 0..1; sizes are in pixels of the network.

        "ap" is the mean over shares from 0.5 to 0.95, "ap50" and "ap75" are
        those of one; small is less than 32 x 32 pixels, large more than
        96 x 96; "recall_n" is what the n likeliest boxes of each image find.
        A size of which there is no box has 0.
        """
        found = {k: float(v) for k, v in self._metrics.result(True).items()}
        return {name: found[theirs] for name, theirs in _FIGURES.items()}


_FIGURES = {
    "ap": "MaP",
    "ap50": "MaP@[IoU=50]",
    "ap75": "MaP@[IoU=75]",
    "ap_small": "MaP@[area=small]",
    "ap_medium": "MaP@[area=medium]",
    "ap_large": "MaP@[area=large]",
    "recall_1": "Recall@[max_detections=1]",
    "recall_10": "Recall@[max_detections=10]",
    "recall_100": "Recall@[max_detections=100]",
}
