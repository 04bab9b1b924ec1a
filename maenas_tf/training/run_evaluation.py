"""Evaluates a trained run on a labelled data set, and reports on it."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.config import ConfigError
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.labelled import evaluation_dataset
from maenas_tf.data.sources import load_images
from maenas_tf.data.tracking import tracked_by
from maenas_tf.engine.console import track
from maenas_tf.engine.multi_worker import joined_strategy
from maenas_tf.engine.runtime import versions
from maenas_tf.engine.workers import Workers
from maenas_tf.figures import plots
from maenas_tf.figures.reliability import draw_reliability
from maenas_tf.models.complexity import count_macs
from maenas_tf.runs import atomic, files
from maenas_tf.training.calibration import calibrate
from maenas_tf.training.error_pictures import draw_worst, worst_images
from maenas_tf.training.evaluation import Evaluator, inference_parameters
from maenas_tf.training.trained_run import TrainedRun


def load_evaluation_images(
    trained: TrainedRun,
    *,
    dataset: str = "",
    data_dir: str = "",
    split: str = "test",
    max_images: int = 0,
) -> ImageSource:
    """Loads images as the network's preprocessing wants them.

    Args:
        trained: the trained run.
        dataset: "digits", "folder" or a tfds name; empty means the one it was
            trained on, and its `data_dir` unless one is given.
        data_dir: folder of images, or the tfds data directory.
        split: of the data set.
        max_images: use at most so many; 0 means all.

    Returns:
        The images, with the training's size, rules for pixels, mean, standard
        deviation and classes, of which some may have no images.

    Raises:
        ConfigError: the data set cannot be read, has no labels, or its
            one of its classes is none that the network was trained on.
    """
    preprocessing = trained.preprocessing
    if not dataset:
        dataset = trained.config.dataset
        data_dir = data_dir or trained.config.data_dir
    with tracked_by(track):
        images = load_images(
            dataset,
            data_dir=data_dir,
            split=split,
            max_images=max_images,
            image_size=preprocessing.image_size,
            with_labels=True,
            rules=preprocessing.pixels,
        )
    return dataclasses.replace(
        images,
        mean=preprocessing.mean,
        std=preprocessing.std,
        labels=_trained_labels(images, preprocessing.class_names),
        class_names=preprocessing.class_names,
    )


def _trained_labels(images: ImageSource, trained: Sequence[str]) -> np.ndarray:
    """Returns the labels by which the network knows the images' classes.

    Raises:
        ConfigError: images are of a class that it does not know.
    """
    places = {name: place for place, name in enumerate(trained)}
    counts = dict(zip(images.class_names, images.class_counts, strict=True))
    unknown = [n for n, count in counts.items() if count and n not in places]
    if unknown:
        raise ConfigError(
            f"--dataset={images.name} has images of {_listed(unknown)}, which "
            f"the network was not trained on; it knows {_listed(trained)}: "
            f"give images of these classes, under these names."
        )
    found = np.array([places.get(name, -1) for name in images.class_names])
    return found[images.labels]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:5])) + ", ..." * (len(names) > 5)


def evaluate_run(
    trained: TrainedRun, images: ImageSource, split: str, batch_size: int = 256
) -> dict[str, Any]:
    """Measures a trained network; writes evaluation.json and pictures of it.

    The workers that this process has joined share out the images.

    Args:
        trained: the trained run; the files go into its directory.
        images: of `load_evaluation_images`.
        split: their name, for the report.
        batch_size: images at once.

    Returns:
        The content of evaluation.json.
    """
    network = trained.network
    workers = Workers(joined_strategy())
    evaluator = Evaluator(network, workers)
    part = workers.part(np.arange(images.num_images))
    with images.failures_told():
        result = evaluator(evaluation_dataset(images, batch_size, part))
    size = network.image_size
    accuracies = result.class_accuracies.tolist()
    right = result.predicted == images.labels
    calibration = calibrate(result.confidences, right)
    worst = worst_images(images, result)
    report = {
        "checkpoint": trained.checkpoint,
        "dataset": images.name,
        "split": split,
        "num_images": result.num_images,
        "num_skipped_files": images.num_skipped,
        "num_other_files": images.num_others,
        "top1": result.top1,
        "top5": result.top5,
        "balanced_accuracy": result.balanced_accuracy,
        "loss": result.loss,
        "calibration_error": calibration.error,
        "parameters": inference_parameters(network),
        "macs": count_macs(network, (size, size, 3)),
        "image_size": size,
        "latency_ms": round(1000.0 * evaluator.latency(1), 3),
        "images_per_second": round(
            batch_size / evaluator.latency(batch_size, repeats=5), 1
        ),
        "batch_size": batch_size,
        "genotype": network.genotype.to_dict(),
        "class_accuracy": {
            name: accuracy
            for name, accuracy in zip(
                images.class_names, accuracies, strict=True
            )
            if not math.isnan(accuracy)
        },
        "worst_images": worst,
        "confusion": result.confusion.tolist(),
        "versions": versions(),
    }
    atomic.write_text(trained.path / files.EVALUATION, _to_json(report))
    for name, picture in (
        (
            files.CONFUSION_PLOT,
            plots.draw_confusion(result.confusion, images.class_names),
        ),
        (files.WORST_PLOT, draw_worst(images, worst, int(np.sum(~right)))),
        (
            files.RELIABILITY_PLOT,
            draw_reliability(
                calibration.counts,
                calibration.confidences,
                calibration.accuracies,
                calibration.error,
            ),
        ),
    ):
        atomic.write_bytes(trained.path / name, plots.png_bytes(picture))
    return report


def _to_json(report: Mapping[str, Any]) -> str:
    """Returns JSON text with a line for each row of the confusion matrix."""
    rows = ",\n".join(f"    {json.dumps(r)}" for r in report["confusion"])
    text = json.dumps({**report, "confusion": "@"}, indent=2)
    return (
        text.replace('"confusion": "@"', f'"confusion": [\n{rows}\n  ]') + "\n"
    )


def format_report(report: Mapping[str, Any]) -> str:
    """Returns a report as a table to read."""
    absent = len(report["confusion"]) - len(report["class_accuracy"])
    rows = {
        "data": f"{report['dataset']}, {report['split']}, "
        f"{report['num_images']:,} images of {report['image_size']} pixels",
        "weights": f"{report['checkpoint']} checkpoint",
        "top-1": f"{100 * report['top1']:.2f} %",
        "top-5": f"{100 * report['top5']:.2f} %",
        "balanced": f"{100 * report['balanced_accuracy']:.2f} %, mean over "
        f"the classes" + f" ({absent} have no images)" * bool(absent),
        "loss": f"{report['loss']:.4f}",
        "calibration": f"off by {100 * report['calibration_error']:.2f} % in "
        f"the mean",
        "parameters": f"{report['parameters']:,}",
        "MACs": f"{report['macs']:,}",
        "latency": f"{report['latency_ms']:.1f} ms, one image",
        "speed": f"{report['images_per_second']:,.1f} images/s, "
        f"{report['batch_size']} at once",
    }
    return "\n".join(f"{name:<12}{value}" for name, value in rows.items())
