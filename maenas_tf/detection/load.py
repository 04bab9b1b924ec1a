"""Images with boxes, by the name of their data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from maenas_tf.config import ConfigError
from maenas_tf.data.notes import Notes, noted_in
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.tracking import tracked_by
from maenas_tf.detection.boxed_images import NO_BOX, BoxedImages
from maenas_tf.detection.coco_folder import load_coco_folder
from maenas_tf.detection.config import COCO_JSON, BoxedDataSettings
from maenas_tf.detection.tfds_boxes import load_tfds_boxes
from maenas_tf.engine.console import track


def load_boxed(
    settings: BoxedDataSettings,
    notes: Notes | None = None,
    rules: PixelRules | None = None,
) -> BoxedImages:
    """Loads the images and boxes that settings name, and shows how far it is.

    Args:
        settings: name them.
        notes: of a run on these images; takes what is found out.
        rules: how pixels become bytes; None is what the settings say.

    Raises:
        ConfigError: the data set cannot be read or has no boxes.
    """
    form = {
        "max_images": settings.max_images,
        "image_size": settings.image_size,
        "rules": rules or PixelRules(settings.background),
    }
    with tracked_by(track), noted_in(notes or Notes()):
        if settings.dataset == COCO_JSON:
            return load_coco_folder(
                settings.annotations, settings.data_dir, **form
            )
        return load_tfds_boxes(
            settings.dataset, settings.data_dir, settings.split, **form
        )


def renumbered(data: BoxedImages, known: Sequence[str]) -> BoxedImages:
    """Gives boxes the numbers by which a detector knows their classes.

    Args:
        data: images and boxes.
        known: names of the detector's classes.

    Raises:
        ConfigError: there are boxes of a class that it does not know.
    """
    places = {name: place for place, name in enumerate(known)}
    found = np.array([places.get(name, -2) for name in data.class_names])
    there = data.classes != NO_BOX
    classes = np.where(there, found[data.classes], NO_BOX)
    unknown = np.unique(data.classes[classes == -2])
    if len(unknown):
        names = ", ".join(repr(data.class_names[n]) for n in unknown[:5])
        shown = ", ".join(map(repr, known[:5])) + ", ..." * (len(known) > 5)
        raise ConfigError(
            f"There are boxes of {names}, which the detector was not trained "
            f"on; it knows {shown}: give boxes of these classes, under these "
            f"names."
        )
    return dataclasses.replace(
        data, classes=classes.astype(np.int32), class_names=tuple(known)
    )
