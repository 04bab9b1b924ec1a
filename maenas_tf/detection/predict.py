"""Boxes in image files by an exported SavedModel, as a table and as pictures.

Nothing of the training is needed, and neither is keras-cv.
"""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError, check, user_path
from maenas_tf.data.decoding_threads import decoding_threads
from maenas_tf.data.image_file import read_whole
from maenas_tf.detection.letterbox import fitted_sides, letterbox
from maenas_tf.engine.console import ProgressBar, say
from maenas_tf.engine.tensorflow_paths import tensorflow_path
from maenas_tf.figures.boxes import draw_boxes
from maenas_tf.figures.canvas import png_bytes
from maenas_tf.runs import atomic
from maenas_tf.runs.csv_files import write_table
from maenas_tf.serving import serving_assets
from maenas_tf.serving.predict import (
    find_images,
    find_saved_model,
    new_file,
    unreadable,
)

COLUMNS = (
    "path",
    "class",
    "class_name",
    "score",
    "x_min",
    "y_min",
    "x_max",
    "y_max",
)
SIGNATURE = "serving_uint8"


class SavedDetector:
    """A SavedModel of a detector that `tools.export` wrote.

    Args:
        saved_model: its directory, or that of its versions.

    Raises:
        ConfigError: it is missing, damaged, or not one of ours.
    """

    def __init__(self, saved_model: str | os.PathLike[str]):
        self.path = find_saved_model(saved_model)
        assets = self.path / "assets"
        try:
            self.class_names = serving_assets.read_class_names(assets)
            self.image_size = serving_assets.read_image_size(assets)
            self.pixels = serving_assets.read_pixel_rules(assets)
            self._model = tf.saved_model.load(tensorflow_path(self.path))
            self._run = self._model.signatures[SIGNATURE]
        # A damaged file is a DataLossError or an OSError, as it comes.
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise unreadable(self.path, error) from error

    def find(self, squares: np.ndarray) -> dict[str, np.ndarray]:
        """Returns what is in squares, uint8 [N, S, S, 3], in their pixels."""
        outputs = self._run(images=tf.constant(squares, tf.uint8))
        return {name: value.numpy() for name, value in outputs.items()}


def is_detector(saved_model: str | os.PathLike[str]) -> bool:
    """Whether a SavedModel finds boxes, by its signatures alone.

    Raises:
        ConfigError: it is missing or damaged.
    """
    path = find_saved_model(saved_model)
    try:
        content = (path / "saved_model.pb").read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    return b"num_detections" in content


def predict_boxes(
    saved_model: str | os.PathLike[str],
    images: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    pictures: str | os.PathLike[str] = "",
    min_score: float = 0.3,
    batch_size: int = 32,
) -> str:
    """Writes what is found in images to a CSV file, and draws it.

    Args:
        saved_model: a SavedModel of a detector, of `tools.export`.
        images: a file or a folder.
        output: the file, replaced if there is one. Its columns are `COLUMNS`,
            a row for each box, in pixels of the image as it is looked at; an
            image without one has no row.
        pictures: folder for the images with their boxes, as PNG files; empty
            draws none. Those of subfolders lie in subfolders.
        min_score: what is less likely is left out.
        batch_size: images computed together.

    Returns:
        A sentence on what was done.

    Raises:
        ConfigError: an argument is wrong, or no image can be decoded.
    """
    expected = "give a whole number of at least 1."
    check(batch_size >= 1, "batch_size", batch_size, expected)
    expected = "give a number from 0 to 1."
    check(0 <= min_score <= 1, "min_score", min_score, expected)
    target = user_path(output)
    if not os.fspath(output) or target.is_dir():
        raise ConfigError(f"--output={output} is no file; give a CSV file.")
    paths = find_images(images)
    detector = SavedDetector(saved_model)
    folder = user_path(pictures) if os.fspath(pictures) else None
    root = user_path(images)
    root = root if root.is_dir() else root.parent
    counts = {"images": 0, "boxes": 0}

    def rows() -> Iterator[tuple[Any, ...]]:
        found = _find(detector, paths, batch_size, min_score)
        for path, pixels, boxes, classes, scores in found:
            counts["images"] += 1
            counts["boxes"] += len(boxes)
            names = [detector.class_names[number] for number in classes]
            if folder is not None:
                labels = [
                    f"{name} {score:.2f}"
                    for name, score in zip(names, scores, strict=True)
                ]
                drawn = draw_boxes(pixels, boxes, classes, labels)
                name = path.relative_to(root)
                _write_picture(folder / f"{name}.png", drawn, pictures)
            for box, number, name, score in zip(
                boxes, classes, names, scores, strict=True
            ):
                sides = (f"{side:.1f}" for side in box)
                yield path, number, name, f"{score:.4f}", *sides

    with new_file(target) as file:
        write_table(file, COLUMNS, rows())
        if not counts["images"]:
            raise ConfigError(
                f"--images={images}: none of the {len(paths)} file(s) can be "
                f"decoded."
            )
    skipped = len(paths) - counts["images"]
    text = f"Found {counts['boxes']} box(es) in {counts['images']} image(s)"
    if skipped:
        text += f"; {skipped} unreadable file(s) were skipped"
    return f"{text}."


def _write_picture(
    target: pathlib.Path, picture: np.ndarray, pictures: Any
) -> None:
    try:
        atomic.write_bytes(target, png_bytes(picture))
    except OSError as error:
        raise ConfigError(
            f"--pictures={pictures} cannot be written ({error.strerror}); give "
            f"a folder of your own."
        ) from error


def _find(
    detector: SavedDetector,
    paths: list[pathlib.Path],
    batch_size: int,
    min_score: float,
) -> Iterator[
    tuple[pathlib.Path, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
]:
    """Yields path, pixels, boxes, classes and scores of each image."""
    size = detector.image_size

    def read(path):
        try:
            pixels = read_whole(path, detector.pixels)
            return path, pixels.numpy(), letterbox(pixels, size).numpy()
        # A broken file makes Pillow raise nearly anything.
        except Exception as error:
            say(f"Skipped {path}: {error}", sys.stderr)
            return None

    bar = ProgressBar(len(paths), unit="image")
    bar.describe("Finding")
    with bar, decoding_threads() as pool:
        for start in range(0, len(paths), batch_size):
            part = paths[start : start + batch_size]
            good = [found for found in pool.map(read, part) if found]
            if good:
                squares = np.stack([square for _, _, square in good])
                found = detector.find(squares)
            for row, (path, pixels, _) in enumerate(good):
                height, width = pixels.shape[:2]
                fitted = fitted_sides(height, width, size)
                scale = np.array([width / fitted[1], height / fitted[0]] * 2)
                kept = found["scores"][row] >= max(min_score, 0.0)
                boxes = found["boxes"][row][kept] * scale
                boxes = np.clip(boxes, 0, [width, height, width, height])
                yield (
                    path,
                    pixels,
                    boxes,
                    found["classes"][row][kept],
                    found["scores"][row][kept],
                )
            bar.update(len(part))
