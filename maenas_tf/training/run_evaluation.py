"""Evaluates a trained run on a labelled data set, and reports on it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from maenas_tf.config import ConfigError
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.labelled import evaluation_dataset
from maenas_tf.data.sources import load_images
from maenas_tf.engine.runtime import versions
from maenas_tf.figures import plots
from maenas_tf.models.complexity import count_macs
from maenas_tf.runs import atomic, files
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
        The images, with the training's size, mean and standard deviation.

    Raises:
        ConfigError: the data set cannot be read, has no labels, or its
            classes are not those that the network was trained on.
    """
    preprocessing = trained.preprocessing
    if not dataset:
        dataset = trained.config.dataset
        data_dir = data_dir or trained.config.data_dir
    images = load_images(
        dataset,
        data_dir=data_dir,
        split=split,
        max_images=max_images,
        image_size=preprocessing.image_size,
        with_labels=True,
    )
    _check_classes(images.class_names, preprocessing.class_names, dataset)
    return dataclasses.replace(
        images, mean=preprocessing.mean, std=preprocessing.std
    )


def _check_classes(found, trained, dataset: str) -> None:
    if found == trained:
        return
    unknown = [name for name in found if name not in trained]
    missing = [name for name in trained if name not in found]
    what = [
        f"{kind} {', '.join(names[:5])}{' ...' if names[5:] else ''}"
        for kind, names in (("unknown", unknown), ("missing", missing))
        if names
    ] or ["the same in another order"]
    raise ConfigError(
        f"--dataset={dataset} has {len(found)} classes that are not the "
        f"{len(trained)} the network was trained on ({'; '.join(what)}); "
        f"evaluate on a data set of the same classes."
    )


def evaluate_run(
    trained: TrainedRun, images: ImageSource, split: str, batch_size: int = 256
) -> dict[str, Any]:
    """Measures a trained network; writes evaluation.json and confusion.png.

    Args:
        trained: the trained run; the files go into its directory.
        images: of `load_evaluation_images`.
        split: their name, for the report.
        batch_size: images at once.

    Returns:
        The content of evaluation.json.
    """
    network = trained.network
    evaluator = Evaluator(network)
    with images.failures_told():
        result = evaluator(evaluation_dataset(images, batch_size))
    size = network.image_size
    totals = result.confusion.sum(axis=1)
    report = {
        "checkpoint": trained.checkpoint,
        "dataset": images.name,
        "split": split,
        "num_images": result.num_images,
        "num_skipped_files": images.num_skipped,
        "num_other_files": images.num_others,
        "top1": result.top1,
        "top5": result.top5,
        "loss": result.loss,
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
            name: float(result.confusion[k, k] / totals[k])
            for k, name in enumerate(images.class_names)
            if totals[k]
        },
        "confusion": result.confusion.tolist(),
        "versions": versions(),
    }
    atomic.write_text(trained.path / files.EVALUATION, _to_json(report))
    picture = plots.draw_confusion(result.confusion, images.class_names)
    atomic.write_bytes(
        trained.path / files.CONFUSION_PLOT, plots.png_bytes(picture)
    )
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
    rows = {
        "data": f"{report['dataset']}, {report['split']}, "
        f"{report['num_images']:,} images of {report['image_size']} pixels",
        "weights": f"{report['checkpoint']} checkpoint",
        "top-1": f"{100 * report['top1']:.2f} %",
        "top-5": f"{100 * report['top5']:.2f} %",
        "loss": f"{report['loss']:.4f}",
        "parameters": f"{report['parameters']:,}",
        "MACs": f"{report['macs']:,}",
        "latency": f"{report['latency_ms']:.1f} ms, one image",
        "speed": f"{report['images_per_second']:,.1f} images/s, "
        f"{report['batch_size']} at once",
    }
    return "\n".join(f"{name:<12}{value}" for name, value in rows.items())
