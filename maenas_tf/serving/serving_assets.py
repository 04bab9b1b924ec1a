"""The files that a SavedModel brings along, for who runs it.

Read without Keras: a prediction needs no more than TensorFlow.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence

from maenas_tf.config.file_names import CLASS_NAMES
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
    text = (directory / CLASS_NAMES).read_text(encoding="utf-8")
    return text.split("\n")[:-1]


def read_image_size(directory: pathlib.Path) -> int:
    """Reads the side of the network's images, pixels.

    Raises:
        OSError, ValueError: the file is missing or damaged.
    """
    text = (directory / PREPROCESSING).read_text(encoding="utf-8")
    try:
        return int(json.loads(text)["image_size"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{PREPROCESSING} has no image_size") from error
