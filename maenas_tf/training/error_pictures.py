"""The images that a network is most wrong about."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.data.image_source import ImageSource
from maenas_tf.figures.contact_sheet import draw_contact_sheet
from maenas_tf.training.evaluation import Evaluation

NUM_WORST = 36


def worst_images(
    images: ImageSource, result: Evaluation, count: int = NUM_WORST
) -> list[dict[str, Any]]:
    """Lists the images of the highest loss, the worst first.

    Those that are taken for a wrong class come before all others; where these
    are at least `count`, no other is listed.

    Args:
        images: with labels.
        result: of the same images, in their order.
        count: how many to list at most.

    Returns:
        For each image its index, its file where it has one, its class, the
        class that it was taken for, the probability of that, and the loss.
    """
    right = result.predicted == images.labels
    order = np.lexsort((-result.losses, right))[:count]
    names = images.class_names
    return [
        {
            "index": int(index),
            **({"file": images.paths[index]} if images.paths else {}),
            "true": names[images.labels[index]],
            "predicted": names[result.predicted[index]],
            "confidence": float(result.confidences[index]),
            "loss": float(result.losses[index]),
        }
        for index in order
    ]


def draw_worst(
    images: ImageSource, worst: Sequence[Mapping[str, Any]], num_wrong: int
) -> np.ndarray:
    """Draws what `worst_images` lists on a sheet, uint8 [H, W, 3].

    Args:
        images: the images.
        worst: the list.
        num_wrong: how many of all images are taken for a wrong class.
    """
    good = [each["true"] == each["predicted"] for each in worst]
    captions = [
        [
            f"is {each['true']}",
            f"taken for {each['predicted']}",
            f"with {100 * each['confidence']:.1f}%",
            *([os.path.basename(each["file"])] if "file" in each else []),
        ]
        for each in worst
    ]
    shown = len(worst) - sum(good)
    title = f"{shown} of {num_wrong} wrong images, the worst first"
    if any(good):
        title = f"{num_wrong} wrong images, then those least sure"
    pixels = images.read(np.array([each["index"] for each in worst]))
    return draw_contact_sheet(pixels, captions, good, title)
