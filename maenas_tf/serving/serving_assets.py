"""The files that a SavedModel brings along, for who runs it.

Read without Keras: a prediction needs no more than TensorFlow.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from maenas_tf.config.file_names import CLASS_NAMES
from maenas_tf.data.pixel_rules import OLD_RULES, PixelRules
from maenas_tf.runs.atomic import write_text
from maenas_tf.runs.files import PREPROCESSING


def write_class_names(
    class_names: Sequence[str], directory: pathlib.Path
) -> pathlib.Path:
    """Writes class_names.txt, one name a line, in the order of the classes.

    A line break inside of a name becomes a space.
    """
    lines = [" ".join(name.splitlines()) for name in class_names]
    path = directory / CLASS_NAMES
    write_text(path, "".join(f"{line}\n" for line in lines))
    return path


def write_preprocessing(text: str, directory: pathlib.Path) -> pathlib.Path:
    """Writes preprocessing.json, of the content that a training run has."""
    path = directory / PREPROCESSING
    write_text(path, text)
    return path


def read_class_names(directory: pathlib.Path) -> list[str]:
    """Reads `write_class_names`'s file.

    Raises:
        OSError, ValueError: it is missing or no text.
    """
    text = (directory / CLASS_NAMES).read_text(
        encoding="utf-8", errors="surrogateescape"
    )
    return text.split("\n")[:-1]


def read_image_size(directory: pathlib.Path) -> int:
    """Reads the side of the network's images, pixels.

    Raises:
        OSError, ValueError: the file is missing or damaged.
    """
    try:
        return int(_read_preprocessing(directory)["image_size"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{PREPROCESSING} has no image_size") from error


def read_pixel_rules(directory: pathlib.Path) -> PixelRules:
    """Reads how the files of the training became bytes.

    Raises:
        OSError, ValueError: the file is missing or damaged.
    """
    values = _read_preprocessing(directory)
    try:
        rules = values.get("pixels")
        return OLD_RULES if rules is None else PixelRules(**rules)
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{PREPROCESSING} has wrong pixels") from error


def _read_preprocessing(directory: pathlib.Path) -> Any:
    return json.loads((directory / PREPROCESSING).read_text(encoding="utf-8"))
