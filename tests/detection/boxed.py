"""Small sets of images with boxes, for the tests of their users."""

from __future__ import annotations

import json
import pathlib

import numpy as np
from PIL import Image

from maenas_tf.data.array_images import make_array_images
from maenas_tf.detection.boxed_images import Annotations, BoxedImages, fit_boxes

CLASS_NAMES = ("square", "bar")


def make_boxed(count: int = 12, size: int = 32) -> BoxedImages:
    """Returns images with none, one or two bright rectangles in each."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 60, (count, size, size, 3)).astype(np.uint8)
    owners, boxes, classes = [], [], []
    for image in range(count):
        for number in range(image % 3):
            wide, high = ((12, 12), (16, 8))[number]
            x, y = rng.integers(0, size - 16, 2)
            pixels[image, y : y + high, x : x + wide] = 200 + 40 * number
            owners.append(image)
            boxes.append((x, y, x + wide, y + high))
            classes.append(number)
    annotated = Annotations(
        np.array(owners),
        np.array(boxes, np.float64),
        np.array(classes),
        np.full((count, 2), size),
    )
    images = make_array_images(pixels, name="boxed")
    return fit_boxes(images, annotated, CLASS_NAMES, "the boxes")


def write_coco(folder: pathlib.Path, **changes: object) -> pathlib.Path:
    """Writes three images, of which one has no box, and their JSON file.

    Args:
        folder: for images/ and boxes.json.
        **changes: of the file's lists.

    Returns:
        The path of the JSON file.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images = []
    for number, (width, height) in enumerate(((40, 20), (16, 16), (10, 30))):
        name = f"{number}.png"
        value = np.full((height, width, 3), 60 * number, np.uint8)
        Image.fromarray(value).save(folder / "images" / name)
        images.append(
            {"id": 7 - number, "file_name": name}
            | {"width": width, "height": height}
        )
    content = {
        "images": images,
        "categories": [{"id": 9, "name": "dog"}, {"id": 3, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 9, "bbox": [4, 6, 20, 10]},
            {"id": 2, "image_id": 5, "category_id": 3, "bbox": [1, 3, 6, 12]},
            {"id": 3, "image_id": 7, "category_id": 3, "bbox": [0, 0, 8, 8]},
        ],
    }
    path = folder / "boxes.json"
    path.write_text(json.dumps({**content, **changes}))
    return path
