"""A small real data set for detectors: digits on textured grounds.

Scikit-learn's handwritten digits, in any colour and at random sizes, on grounds
of stripes, spots and noise, with strokes and blots that are no digits. Those of
the training images are of its first four fifths, those of the test images of
the rest. Everything is drawn from the seed.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from maenas_tf.config import ConfigError, check, user_path
from maenas_tf.runs import atomic

NAME = "pasted_digits"
SIDE = 128
NUM_IMAGES = {"train": 1200, "test": 300}
FOLDER = "images"
# Sides of a digit, pixels, all equally likely on a logarithmic scale.
_LEAST, _MOST = 18, 64
_MOST_DIGITS = 5
# Of a digit's ink, 0..255, from which on it is seen.
_SEEN = 60
# Of two digits, how much of the smaller one may be covered.
_COVERED = 0.1


def make_pasted_digits(
    data_dir: str | os.PathLike[str],
    seed: int = 0,
    num_images: dict[str, int] | None = None,
) -> str:
    """Makes the data set; returns a sentence on what was done.

    Writes train.json and test.json, of COCO's form, and images/.

    Args:
        data_dir: where; missing, or without such files.
        seed: of everything random.
        num_images: of each split; None is the usual number.

    Raises:
        ConfigError: there is something already, or it cannot be written.
    """
    from sklearn import datasets

    check(seed >= 0, "seed", seed, "give a whole number of at least 0.")
    if not os.fspath(data_dir):
        raise ConfigError(f"--data_dir is empty; give a directory for {NAME}.")
    root = user_path(data_dir)
    counts = NUM_IMAGES if num_images is None else num_images
    for name in counts:
        if (root / f"{name}.json").exists():
            return f"{NAME} is prepared already in {root}."
    bunch = datasets.load_digits()
    grey = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    first_test = len(grey) - len(grey) // 5
    parts = {"train": slice(first_test), "test": slice(first_test, None)}
    for number, (split, count) in enumerate(counts.items()):
        rng = np.random.default_rng((seed, number))
        inks, labels = grey[parts[split]], bunch.target[parts[split]]
        images, annotations = [], []
        for image_id in range(count):
            picture, boxes = _draw_image(rng, inks, labels)
            name = f"{split}_{image_id:05}.png"
            with atomic.replacing(root / FOLDER / name) as path:
                picture.save(path, format="PNG")
            images.append(
                {
                    "id": image_id,
                    "file_name": name,
                    "width": SIDE,
                    "height": SIDE,
                }
            )
            for label, box in boxes:
                annotations.append(
                    {
                        "id": len(annotations),
                        "image_id": image_id,
                        "category_id": int(label),
                        "bbox": [int(value) for value in box],
                        "area": int(box[2] * box[3]),
                        "iscrowd": 0,
                    }
                )
        _write(root / f"{split}.json", images, annotations)
    total = sum(counts.values())
    return f"Made {total} images of {NAME} in {root}."


def _write(target, images: list[Any], annotations: list[Any]) -> None:
    content = {
        "images": images,
        "categories": [{"id": n, "name": str(n)} for n in range(10)],
        "annotations": annotations,
    }
    atomic.write_text(target, json.dumps(content) + "\n")


def _draw_image(
    rng: np.random.Generator, inks: np.ndarray, labels: np.ndarray
) -> tuple[Image.Image, list[tuple[int, tuple[int, int, int, int]]]]:
    """Returns a picture, and class and box of each digit in it."""
    picture = _ground(rng)
    boxes: list[tuple[int, tuple[int, int, int, int]]] = []
    for _ in range(rng.integers(0, _MOST_DIGITS + 1)):
        which = rng.integers(len(inks))
        side = round(_LEAST * (_MOST / _LEAST) ** rng.random())
        ink = Image.fromarray(inks[which]).resize((side, side), Image.BICUBIC)
        seen = np.argwhere(np.asarray(ink) >= _SEEN)
        (top, left), (bottom, right) = seen.min(0), seen.max(0) + 1
        x, y = rng.integers(0, SIDE - side + 1, 2)
        box = (x + left, y + top, right - left, bottom - top)
        if any(_covers(box, other) for _, other in boxes):
            continue
        colour = _contrasting(rng, picture, box)
        picture.paste(
            Image.new("RGB", (side, side), colour), (int(x), int(y)), ink
        )
        boxes.append((labels[which], tuple(int(v) for v in box)))
    return picture, boxes


def _ground(rng: np.random.Generator) -> Image.Image:
    """Returns stripes, spots and noise, with a few strokes and blots."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    angle = rng.uniform(0, np.pi)
    waves = np.sin(
        (columns * np.cos(angle) + rows * np.sin(angle)) * rng.uniform(4, 60)
        + rng.uniform(0, 6)
    )
    spots = Image.fromarray(rng.integers(0, 256, (6, 6), np.uint8))
    spots = np.asarray(spots.resize((SIDE, SIDE), Image.BICUBIC)) / 127.5 - 1
    texture = waves * rng.uniform(0, 0.5) + spots * rng.uniform(0, 0.8)
    base, change = rng.uniform(40, 215, 3), rng.uniform(-50, 50, 3)
    pixels = base + texture[..., np.newaxis] * change
    pixels += rng.normal(0, rng.uniform(2, 12), pixels.shape)
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.integers(0, 5)):
        ends = [int(value) for value in rng.integers(0, SIDE, 4)]
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        draw.line(ends, fill=colour, width=int(rng.integers(1, 4)))
    for _ in range(rng.integers(0, 3)):
        x, y, side = (int(value) for value in rng.integers(4, 100, 3))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        draw.ellipse((x, y, x + side // 4, y + side // 5), fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def _contrasting(
    rng: np.random.Generator, picture: Image.Image, box: tuple[int, ...]
) -> tuple[int, int, int]:
    """Returns a colour that is seen on what lies in a box."""
    x, y, width, height = (int(value) for value in box)
    ground = np.asarray(picture)[y : y + height, x : x + width].mean((0, 1))
    while True:
        colour = rng.integers(0, 256, 3)
        if abs(float(colour.mean() - ground.mean())) > 70:
            return tuple(int(value) for value in colour)


def _covers(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two boxes share too much of the smaller."""
    shared = 1
    for axis in (0, 1):
        end = min(one[axis] + one[axis + 2], other[axis] + other[axis + 2])
        shared *= max(end - max(one[axis], other[axis]), 0)
    smaller = min(one[2] * one[3], other[2] * other[3])
    return shared > _COVERED * smaller
