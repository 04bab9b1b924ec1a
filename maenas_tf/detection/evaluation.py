"""Evaluates a trained detector, and reports on it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.detection.boxed_images import NO_BOX, BoxedImages
from maenas_tf.detection.config import COCO_JSON, BoxedDataSettings
from maenas_tf.detection.detector_run import DetectorRun
from maenas_tf.detection.finding import Finder
from maenas_tf.detection.load import load_boxed, renumbered
from maenas_tf.detection.retinanet import AveragePrecision
from maenas_tf.engine.console import track
from maenas_tf.engine.runtime import versions
from maenas_tf.figures.boxes import draw_boxes
from maenas_tf.figures.canvas import png_bytes
from maenas_tf.figures.contact_sheet import draw_contact_sheet
from maenas_tf.models.complexity import count_macs, count_parameters
from maenas_tf.runs import atomic, files

_NUM_SHOWN = 24
# Of what is drawn.
SHOWN_SCORE = 0.3


def load_evaluation_boxes(
    run: DetectorRun,
    *,
    dataset: str = "",
    annotations: str = "",
    data_dir: str = "",
    split: str = "test",
    max_images: int = 0,
) -> BoxedImages:
    """Loads images and boxes as the detector's preprocessing wants them.

    Args:
        run: the trained detector.
        dataset: "coco_json" or a tfds name; empty means that of the training.
        annotations: JSON file of the boxes.
        data_dir: of the images; empty means that of the training.
        split: of a tfds data set.
        max_images: use at most so many; 0 means all.

    Raises:
        ConfigError: the data set cannot be read, or has boxes of a class that
            the detector was not trained on.
    """
    config = run.config
    dataset = dataset or (COCO_JSON if annotations else config.dataset)
    if dataset == config.dataset:
        data_dir = data_dir or config.data_dir
    if dataset == COCO_JSON and not annotations:
        raise ConfigError(
            f"--dataset={COCO_JSON} has no test split of its own: give "
            f"--annotations=FILE, the JSON file of the images to evaluate on "
            f"(--annotations={config.annotations} was trained on)."
        )
    settings = BoxedDataSettings(
        dataset=dataset,
        annotations=annotations,
        data_dir=data_dir,
        split="train" if dataset == COCO_JSON else split,
        max_images=max_images,
        image_size=run.preprocessing.image_size,
        background=run.preprocessing.pixels.background,
    )
    preprocessing = run.preprocessing
    data = load_boxed(settings, rules=preprocessing.pixels)
    images = dataclasses.replace(
        data.images, mean=preprocessing.mean, std=preprocessing.std
    )
    data = dataclasses.replace(data, images=images)
    return renumbered(data, preprocessing.class_names)


def evaluate_detector(
    run: DetectorRun, data: BoxedImages, named: str, batch_size: int = 16
) -> dict[str, Any]:
    """Measures a detector; writes evaluation.json and detections.png.

    Args:
        run: the trained detector; the files go into its directory.
        data: of `load_evaluation_boxes`.
        named: what the images are of, for the report.
        batch_size: images at once.

    Returns:
        The content of evaluation.json.
    """
    finder, precision = Finder(run.detector), AveragePrecision()
    shown: list[dict[str, np.ndarray]] = []
    total = -(-data.images.num_images // batch_size)
    with data.images.failures_told():
        rows = track(finder.each(data, batch_size), total, "finding", "batch")
        for batch, found in rows:
            precision.add(batch["boxes"], batch["classes"], found)
            for row in range(len(batch["boxes"])):
                if len(shown) < _NUM_SHOWN:
                    shown.append({k: v[row].numpy() for k, v in found.items()})
    side = run.detector.image_size
    model = run.detector.model
    report = {
        "checkpoint": run.checkpoint,
        "dataset": data.images.name,
        "split": named,
        "num_images": data.images.num_images,
        "num_skipped_files": data.images.num_skipped,
        "num_boxes": data.num_boxes,
        "num_dropped_boxes": data.num_dropped,
        "num_images_without_boxes": data.num_without,
        **precision.result(),
        "parameters": count_parameters(model),
        "macs": count_macs(run.detector, (side, side, 3)),
        "backbone_parameters": count_parameters(run.detector.backbone),
        "backbone_macs": count_macs(run.detector.backbone, (side, side, 3)),
        "image_size": side,
        "latency_ms": round(1000.0 * _latency(finder, side), 3),
        "genotype": run.genotype.to_dict(),
        "class_names": list(data.class_names),
        "versions": versions(),
    }
    atomic.write_json(run.path / files.EVALUATION, report)
    picture = _draw(data, shown)
    atomic.write_bytes(run.path / files.DETECTIONS_PLOT, png_bytes(picture))
    return report


def _latency(finder: Finder, side: int, repeats: int = 10) -> float:
    """Returns the median time of one image, seconds, boxes and all."""
    image, times = tf.zeros((1, side, side, 3)), []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        finder(image)["boxes"].numpy()
        times.append(time.perf_counter() - begin)
    return float(np.median(times[1:]))


def _draw(data: BoxedImages, shown: list[dict[str, np.ndarray]]) -> np.ndarray:
    """Draws what there is and what was found in the first images."""
    pictures, captions = [], []
    pixels = data.images.read(np.arange(len(shown)))
    for place, found in enumerate(shown):
        good = found["scores"] >= SHOWN_SCORE
        named = [
            f"{data.class_names[number]} {score:.2f}"
            for number, score in zip(
                found["classes"][good], found["scores"][good], strict=True
            )
        ]
        pictures.append(
            draw_boxes(
                pixels[place],
                found["boxes"][good],
                found["classes"][good],
                named,
            )
        )
        there = data.classes[place][data.classes[place] != NO_BOX]
        names = ", ".join(data.class_names[number] for number in there)
        captions.append([f"is {names}" if names else "is empty"])
    return draw_contact_sheet(
        np.stack(pictures),
        captions,
        [True] * len(pictures),
        f"found with a score of at least {SHOWN_SCORE}, in the first images",
    )


def format_report(report: Mapping[str, Any]) -> str:
    """Returns a report as a table to read."""
    rows = {
        "data": f"{report['dataset']}, {report['split']}, "
        f"{report['num_images']:,} images of {report['image_size']} pixels, "
        f"{report['num_boxes']:,} boxes",
        "weights": f"{report['checkpoint']} checkpoint",
        "AP": f"{100 * report['ap']:.2f} %, mean over shares 0.5 to 0.95",
        "AP50": f"{100 * report['ap50']:.2f} %",
        "AP75": f"{100 * report['ap75']:.2f} %",
        "by size": f"{100 * report['ap_small']:.2f} % small, "
        f"{100 * report['ap_medium']:.2f} % medium, "
        f"{100 * report['ap_large']:.2f} % large",
        "recall": f"{100 * report['recall_100']:.2f} % by 100 boxes an image",
        "parameters": f"{report['parameters']:,}, of which the backbone "
        f"{report['backbone_parameters']:,}",
        "MACs": f"{report['macs']:,}, of which the backbone "
        f"{report['backbone_macs']:,}",
        "latency": f"{report['latency_ms']:.1f} ms, one image",
    }
    return "\n".join(f"{name:<12}{value}" for name, value in rows.items())
