"""Images from a folder: any nesting, any sizes, labelled or not."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from absl import logging

from maenas_tf.config import ConfigError
from maenas_tf.data.array_images import make_array_images
from maenas_tf.data.file_images import FileImages
from maenas_tf.data.identity import fingerprint_files
from maenas_tf.data.image_file import check_image, read_image
from maenas_tf.data.image_source import ImageSource, with_statistics
from maenas_tf.data.memory import fits_memory, say_decoded_on_demand
from maenas_tf.data.resizing import DEFAULT_SIZE

SUFFIXES = frozenset(
    ".bmp .gif .jpeg .jpg .pgm .png .pnm .ppm .tif .tiff .webp".split()
)
SPLIT_NAMES = frozenset(("train", "test", "val", "valid", "validation"))

_NUM_THREADS = 8
# Files looked at before what came of them is taken.
_PART = 1000
_SECONDS_BETWEEN_LINES = 30.0


def load_folder(
    *,
    data_dir: str,
    split: str,
    max_images: int,
    image_size: int,
    with_labels: bool,
) -> ImageSource:
    """Take every image below a folder, in the order of the sorted paths.

    A folder whose only subfolders are named train, test, val, valid or
    validation is taken as split; any other is one set, its "train" split.
    Files that cannot be decoded are named in a warning, counted, left out.
    Images that take more than the share of the memory set apart for them
    stay in their files and are decoded when they are needed.

    Args:
        data_dir: the folder. Symbolic links are followed.
        split: "train", or the name of a subfolder as above.
        max_images: take at most so many files, spread evenly over the sorted
            paths, for the first ones may be all of one class; 0 takes all.
        image_size: side in pixels, 0 means 64. The shorter side is resized,
            then the centre square kept.
        with_labels: whether the first-level subfolders are classes.

    Returns:
        The images, with labels only if asked for.

    Raises:
        ConfigError: the folder is missing or holds no readable image, lacks
            the split, or holds images outside of classes when labels are
            wanted.
    """
    size = image_size or DEFAULT_SIZE
    root = _find_root(data_dir, split)
    paths = list_images(root)
    if not paths:
        raise ConfigError(
            f"--data_dir={data_dir} has no images for --split={split} (looked "
            f"for {', '.join(sorted(SUFFIXES))} below {root})."
        )
    class_names = _find_classes(root, paths, data_dir) if with_labels else ()
    if 0 < max_images < len(paths):
        spread = np.arange(max_images) * len(paths) // max_images
        paths = [paths[index] for index in spread]

    pixels, kept = _read(paths, size, data_dir)
    if not kept:
        raise ConfigError(
            f"--data_dir={data_dir}: none of its {len(paths)} image file(s) "
            f"can be decoded, e.g. {paths[0]}."
        )
    num_skipped = len(paths) - len(kept)
    if num_skipped:
        logging.warning(
            "Skipped %d of %d files in %s.", num_skipped, len(paths), data_dir
        )
    paths = [paths[row] for row in kept]
    facts = {
        "name": "folder",
        "labels": _labels(root, paths, class_names) if with_labels else None,
        "class_names": class_names,
        "num_skipped": num_skipped,
        "fingerprint": fingerprint_files(root, paths),
    }
    if pixels is None:
        return with_statistics(FileImages(paths=paths, size=size, **facts))
    return make_array_images(pixels[: len(kept)], **facts)


def _read(
    paths: Sequence[str], size: int, data_dir: str
) -> tuple[np.ndarray | None, list[int]]:
    """Decodes files into memory, or only checks them where it is too small.

    Returns:
        The pixels of the good files or None, and which files these are.
    """
    if not fits_memory(len(paths), size):
        say_decoded_on_demand(len(paths), size, data_dir)
        return None, [row for row, _ in _each(check_image, paths, size)]
    pixels, kept = np.empty((len(paths), size, size, 3), np.uint8), []
    for row, image in _each(read_image, paths, size):
        pixels[len(kept)] = image
        kept.append(row)
    return pixels, kept


def _each(
    function: Callable[[str, int], Any], paths: Sequence[str], size: int
) -> Iterator[tuple[int, Any]]:
    """Yields the row of each good file, in order, and what was made of it."""

    def attempt(path):
        try:
            return True, function(path, size)
        # A broken file makes Pillow raise nearly anything (OSError,
        # SyntaxError, struct.error, DecompressionBombError, ...).
        except Exception as error:
            logging.warning("Skipped %s: %s", path, error)
            return False, None

    told = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(_NUM_THREADS) as pool:
        # In slices, lest decoded images wait in memory by the thousand.
        for start in range(0, len(paths), _PART):
            part = paths[start : start + _PART]
            for row, (good, made) in enumerate(pool.map(attempt, part), start):
                if good:
                    yield row, made
            if time.monotonic() - told > _SECONDS_BETWEEN_LINES:
                told = time.monotonic()
                seen = start + len(part)
                logging.warning("Read %d of %d files.", seen, len(paths))


def _find_root(data_dir: str, split: str) -> pathlib.Path:
    if not data_dir:
        raise ConfigError(
            "--data_dir is empty; give the folder that holds the images."
        )
    root = pathlib.Path(data_dir).expanduser()
    if not root.is_dir():
        reason = "is not a folder" if root.exists() else "does not exist"
        raise ConfigError(
            f"--data_dir={data_dir} {reason}; give the folder that holds the "
            f"images."
        )
    folders = {path.name for path in _subfolders(root)}
    if folders and folders <= SPLIT_NAMES:
        if split in folders:
            return root / split
        known = ", ".join(sorted(folders))
    elif split == "train":
        return root
    else:
        known = "train (all images)"
    raise ConfigError(
        f"--split={split} is not in --data_dir={data_dir}; it has {known}."
    )


def _subfolders(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted(
        path
        for path in root.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )


def list_images(root: str | os.PathLike[str]) -> list[str]:
    """Returns the paths of all image files below a folder.

    As text, a third of the memory of path objects: there may be millions.
    They are sorted folder by folder, as path objects are.
    """
    found, visited = [], set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        # A link may point back up: enter each real folder once.
        real = os.path.realpath(folder)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        subfolders[:] = sorted(
            name for name in subfolders if not name.startswith(".")
        )
        for name in files:
            suffix = os.path.splitext(name)[1].lower()
            if suffix in SUFFIXES and not name.startswith("."):
                found.append(os.path.join(folder, name))
    return sorted(found, key=lambda path: path.split(os.sep))


def _find_classes(
    root: pathlib.Path, paths: Sequence[str], data_dir: str
) -> tuple[str, ...]:
    for path in paths:
        if os.path.dirname(path) == os.fspath(root):
            raise ConfigError(
                f"--data_dir={data_dir}: {os.path.basename(path)} lies outside "
                f"of any class; labels need one subfolder for each class."
            )
    return tuple(path.name for path in _subfolders(root))


def _labels(
    root: pathlib.Path, paths: Sequence[str], class_names: Sequence[str]
) -> np.ndarray:
    """Returns the class of each path, the folder that follows the root."""
    numbers = {name: number for number, name in enumerate(class_names)}
    place = len(root.parts)
    folders = (pathlib.PurePath(path).parts[place] for path in paths)
    return np.fromiter((numbers[name] for name in folders), np.int64)
