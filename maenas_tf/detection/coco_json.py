"""Boxes in a JSON file of COCO's form, and their images in a folder.

The form: "images" with id, file_name and, usually, width and height;
"categories" with id and name; "annotations" with image_id, category_id and
bbox, which is left side, upper side, width and height in pixels. What else
there is does not matter.

Source: https://cocodataset.org/#format-data
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.config import ConfigError, user_path
from maenas_tf.detection.boxed_images import Annotations

_PARTS = ("images", "categories", "annotations")


@dataclasses.dataclass(frozen=True, eq=False)
class CocoFile:
    """What a JSON file says.

    Attributes:
        names: of the image files, below the folder.
        sides: height and width of each image, int64 [N, 2]; 0 where the file
            does not tell.
        class_names: by their order in the file's numbers.
        owners: the image of each box, int64 [T].
        boxes: left, upper, right and lower side, pixels, float64 [T, 4].
        classes: of each box, int64 [T].
        crowds: the images of boxes around a crowd, which are not among
            them, int64.
    """

    names: tuple[str, ...]
    sides: np.ndarray
    class_names: tuple[str, ...]
    owners: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray
    crowds: np.ndarray

    def of_images(self, kept: Sequence[int], sides: np.ndarray) -> Annotations:
        """Returns the boxes of some of the images.

        Args:
            kept: numbers of these images, in the order wanted.
            sides: their heights and widths, int64 [K, 2].
        """
        places = np.full(len(self.names), -1)
        places[np.asarray(kept, np.int64)] = np.arange(len(kept))
        owners = places[self.owners]
        there = owners >= 0
        return Annotations(
            owners[there],
            self.boxes[there],
            self.classes[there],
            sides,
            int(np.sum(places[self.crowds] >= 0)),
        )


def read_coco(annotations: str | os.PathLike[str]) -> CocoFile:
    """Reads a JSON file of COCO's form.

    Raises:
        ConfigError: it is missing, no JSON or of another form, or an
            annotation is of an image or a category that is not there.
    """
    if not os.fspath(annotations):
        raise ConfigError(
            "--annotations is empty; give the JSON file of the boxes, in "
            "COCO's form."
        )
    named = f"--annotations={os.fspath(annotations)}"
    try:
        text = user_path(annotations).read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"{named} cannot be read as JSON ({reason}); give a file of COCO's "
            f"form."
        ) from error
    missing = [
        part
        for part in _PARTS
        if not isinstance(content, dict)
        or not isinstance(content.get(part), list)
    ]
    if missing:
        raise ConfigError(
            f"{named} has no list {', '.join(map(repr, missing))}; give a file "
            f"of COCO's form, with {', '.join(_PARTS)}."
        )
    try:
        return _parse(content, named)
    except (AttributeError, KeyError, TypeError, OverflowError) as error:
        raise ConfigError(
            f"{named} is not of COCO's form: {error!r} in an entry; each image "
            f"needs id and file_name, each category id and name, each "
            f"annotation image_id, category_id and bbox."
        ) from error


def _parse(content: Mapping[str, Any], named: str) -> CocoFile:
    images = content["images"]
    if not images:
        raise ConfigError(f"{named} names no image; give one at least.")
    places = _numbered([image["id"] for image in images], "images", named)
    categories = sorted(content["categories"], key=lambda each: each["id"])
    names = tuple(str(each["name"]) for each in categories)
    _numbered(names, "category names", named)
    numbers = _numbered([c["id"] for c in categories], "categories", named)
    owners, boxes, classes, crowds = [], [], [], []
    for place, each in enumerate(content["annotations"]):
        what = f"{named}: annotation {each.get('id', place)}"
        if each["image_id"] not in places:
            raise ConfigError(
                f"{what} is of image {each['image_id']}, which is not among "
                f"the {len(images)} images; leave it out."
            )
        if each["category_id"] not in numbers:
            known = ", ".join(f"{c['id']} ({c['name']})" for c in categories)
            raise ConfigError(
                f"{what} is of category {each['category_id']}, which is not "
                f"among the categories {known[:200]}; add it there or leave "
                f"the annotation out."
            )
        if each.get("iscrowd"):
            crowds.append(places[each["image_id"]])
            continue
        owners.append(places[each["image_id"]])
        boxes.append(_sides(each["bbox"], what))
        classes.append(numbers[each["category_id"]])
    sides = [
        [image.get("height") or 0, image.get("width") or 0] for image in images
    ]
    return CocoFile(
        tuple(str(image["file_name"]) for image in images),
        np.array(sides, np.int64),
        names,
        np.array(owners, np.int64),
        np.array(boxes, np.float64).reshape(-1, 4),
        np.array(classes, np.int64),
        np.array(crowds, np.int64),
    )


def _numbered(names: Sequence[Any], what: str, named: str) -> dict[Any, int]:
    """Returns each name's place.

    Raises:
        ConfigError: one occurs twice.
    """
    places = {name: place for place, name in enumerate(names)}
    if len(places) != len(names):
        twice = next(name for name in places if names.count(name) > 1)
        raise ConfigError(
            f"{named} has {twice!r} twice among its {what}; give each its own."
        )
    return places


def _sides(box: Any, what: str) -> list[float]:
    """Returns the four sides of a box."""
    try:
        numbers = [float(value) for value in box]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise ConfigError(
            f"{what} has the bbox {box}, not four numbers; give left side, "
            f"upper side, width and height in pixels."
        )
    left, upper, width, height = numbers
    if width < 0 or height < 0:
        raise ConfigError(
            f"{what} has the bbox {box}, of a negative width or height; give "
            f"left side, upper side, width and height in pixels."
        )
    return [left, upper, left + width, upper + height]
