"""Classes of image files by an exported SavedModel.

Nothing of the training is needed: the model brings its class names and the
size of its images along.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

import numpy as np
import tensorflow as tf
from PIL import Image

from maenas_tf.config import ConfigError, check, user_path
from maenas_tf.data import image_file, image_listing
from maenas_tf.data.decoding_threads import decoding_threads
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.engine.console import ProgressBar, say
from maenas_tf.engine.tensorflow_paths import tensorflow_path
from maenas_tf.runs.atomic import replacing
from maenas_tf.runs.csv_files import write_table
from maenas_tf.serving import serving_assets

COLUMNS = ("path", "class", "class_name", "probability")
SIGNATURE = "serving_uint8"


@dataclasses.dataclass
class Counts:
    """What became of the images.

    Attributes:
        classified: number of them with rows in the file.
        resized: number of those that were of another size.
        skipped: number of files that could not be decoded.
    """

    classified: int = 0
    resized: int = 0
    skipped: int = 0


def find_saved_model(saved_model: str | os.PathLike[str]) -> pathlib.Path:
    """Returns the directory of a SavedModel, or of its highest version.

    Raises:
        ConfigError: there is none.
    """
    path = user_path(saved_model)
    if (path / "saved_model.pb").is_file():
        return path
    versions = [
        (int(found.parent.name), found.parent)
        for found in path.glob("*/saved_model.pb")
        if found.parent.name.isdecimal()
    ]
    if not os.fspath(saved_model) or not versions:
        raise ConfigError(
            f"--saved_model={saved_model} holds no SavedModel; give "
            f"DIR/saved_model of a directory that tools.export wrote."
        )
    return max(versions)[1]


def unreadable(path: pathlib.Path, error: Exception) -> ConfigError:
    """Returns what is said of a SavedModel that cannot be read."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return ConfigError(
        f"--saved_model={path} is not readable as a SavedModel of tools.export "
        f"({reason}); export it anew."
    )


class Classifier:
    """A SavedModel that `tools.export` wrote.

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
        width = self._run.structured_outputs["probabilities"].shape[-1]
        if width != len(self.class_names):
            raise ConfigError(
                f"--saved_model={self.path} has {width} classes, but its "
                f"class_names.txt names {len(self.class_names)}."
            )

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Returns float32 [N, classes] of bytes [N, H, W, 3]."""
        outputs = self._run(images=tf.constant(images, tf.uint8))
        return outputs["probabilities"].numpy()


def find_images(images: str | os.PathLike[str]) -> list[pathlib.Path]:
    """Returns the sorted paths of the images in a folder, or the one file.

    Raises:
        ConfigError: there is none.
    """
    path = user_path(images)
    if not os.fspath(images) or not path.exists():
        raise ConfigError(
            f"--images={images} does not exist; give an image or a folder."
        )
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ConfigError(
            f"--images={images} is no regular file; give an image or a folder."
        )
    listing = image_listing.list_images(path)
    listing.tell_left_out(os.fspath(images))
    if not listing.images:
        raise ConfigError(
            f"--images={images} has no images (looked for "
            f"{', '.join(sorted(image_listing.SUFFIXES))}, and into files of "
            f"other names)."
        )
    return [pathlib.Path(found) for found in listing.images]


def _read(
    path: pathlib.Path, size: int, rules: PixelRules
) -> tuple[np.ndarray, bool] | None:
    """Returns the pixels and whether they were resized; None if unreadable."""
    try:
        with Image.open(path) as image:
            resized = image.size != (size, size)
        return image_file.read_image(path, size, rules), resized
    # A broken file makes Pillow raise nearly anything.
    except Exception as error:
        say(f"Skipped {path}: {error}", sys.stderr)
        return None


def classify_files(
    classifier: Classifier,
    paths: list[pathlib.Path],
    batch_size: int,
    counts: Counts,
) -> Iterator[tuple[pathlib.Path, np.ndarray]]:
    """Yields path and probabilities [classes] of each readable image.

    Files become bytes by the rules of the training, upright and resized: the
    shorter side, then the centre square.
    """
    size, rules = classifier.image_size, classifier.pixels
    bar = ProgressBar(len(paths), unit="image")
    bar.describe("Classifying")
    with bar, decoding_threads() as pool:
        for start in range(0, len(paths), batch_size):
            part = paths[start : start + batch_size]
            read = list(pool.map(lambda path: _read(path, size, rules), part))
            pairs = zip(part, read, strict=True)
            good = [(path, *found) for path, found in pairs if found]
            counts.classified += len(good)
            counts.skipped += len(part) - len(good)
            counts.resized += sum(resized for _, _, resized in good)
            if good:
                pixels = np.stack([pixels for _, pixels, _ in good])
                rows = classifier.probabilities(pixels)
                for (path, _, _), row in zip(good, rows, strict=True):
                    yield path, row
            bar.update(len(part))


def predict(
    saved_model: str | os.PathLike[str],
    images: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    top_k: int = 1,
    batch_size: int = 32,
) -> str:
    """Writes the classes of images to a CSV file, at once or not at all.

    Args:
        saved_model: a SavedModel of `tools.export`.
        images: a file or a folder.
        output: the file, replaced if there is one. Its columns are `COLUMNS`;
            an image has `top_k` rows, the most probable class first.
        top_k: rows an image.
        batch_size: images computed together.

    Returns:
        A sentence on what was done. Files that cannot be decoded are named on
        stderr and left out.

    Raises:
        ConfigError: an argument is wrong, or no image can be decoded.
    """
    for name, value in (("top_k", top_k), ("batch_size", batch_size)):
        expected = "give a whole number of at least 1."
        check(value >= 1, name, value, expected)
    target = user_path(output)
    if not os.fspath(output) or target.is_dir():
        raise ConfigError(f"--output={output} is no file; give a CSV file.")
    paths = find_images(images)
    classifier = Classifier(saved_model)
    names = classifier.class_names
    expected = f"the model has {len(names)} classes."
    check(top_k <= len(names), "top_k", top_k, expected)
    counts = Counts()
    with new_file(target) as file:
        found = classify_files(classifier, paths, batch_size, counts)
        write_table(file, COLUMNS, _rows(found, names, top_k))
        if not counts.classified:
            raise ConfigError(
                f"--images={images}: none of the {len(paths)} file(s) can be "
                f"decoded."
            )
    return _sentence(counts, classifier.image_size)


def _rows(
    found: Iterable[tuple[pathlib.Path, np.ndarray]],
    names: Sequence[str],
    top_k: int,
) -> Iterator[tuple[Any, ...]]:
    """Yields the rows of each image, the most probable class first."""
    for path, row in found:
        for i in np.argsort(-row, kind="stable")[:top_k]:
            yield path, i, names[i], f"{row[i]:.6f}"


@contextlib.contextmanager
def new_file(target: pathlib.Path) -> Iterator[TextIO]:
    """Opens a file that becomes `target` if all goes well."""
    try:
        # Names of image files need not be text in any encoding.
        with (
            replacing(target) as temporary,
            open(
                temporary,
                "w",
                encoding="utf-8",
                errors="surrogateescape",
                newline="",
            ) as file,
        ):
            yield file
    except OSError as error:
        raise ConfigError(
            f"--output={target} cannot be written ({error.strerror}); give a "
            f"file in a directory of your own."
        ) from error


def _sentence(counts: Counts, size: int) -> str:
    text = f"Classified {counts.classified} image(s)"
    if counts.resized:
        text += (
            f"; {counts.resized} of another size were resized to {size}x{size} "
            f"(the shorter side, then the centre square)"
        )
    if counts.skipped:
        text += f"; {counts.skipped} unreadable file(s) were skipped"
    return f"{text}."
