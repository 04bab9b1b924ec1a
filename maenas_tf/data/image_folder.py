"""Images from a folder: any nesting, any sizes, labelled or not."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib

import numpy as np
from absl import logging
from PIL import Image, ImageOps

from maenas_tf.config import ConfigError
from maenas_tf.data.image_set import (
    DEFAULT_SIZE,
    ImageSet,
    check_memory,
    make_image_set,
)

SUFFIXES = frozenset(
    ".bmp .gif .jpeg .jpg .pgm .png .pnm .ppm .tif .tiff .webp".split()
)
SPLIT_NAMES = frozenset(("train", "test", "val", "valid", "validation"))

_NUM_THREADS = 8


def load_folder(
    *,
    data_dir: str,
    split: str,
    max_images: int,
    image_size: int,
    with_labels: bool,
) -> ImageSet:
    """Read every image below a folder, in the order of the sorted paths.

    A folder whose only subfolders are named train, test, val, valid or
    validation is taken as split; any other is one set, its "train" split.
    Files that cannot be decoded are named in a warning, counted, left out.

    Args:
        data_dir: the folder. Symbolic links are followed.
        split: "train", or the name of a subfolder as above.
        max_images: read at most so many files, spread evenly over the sorted
            paths, for the first ones may be all of one class; 0 reads all.
        image_size: side in pixels, 0 means 64. The shorter side is resized,
            then the centre square kept.
        with_labels: whether the first-level subfolders are classes.

    Returns:
        The images, with labels only if asked for.

    Raises:
        ConfigError: the folder is missing or holds no readable image, lacks
            the split, holds images outside of classes when labels are
            wanted, or the images would not fit in memory.
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
    check_memory(len(paths), size)

    images = np.empty((len(paths), size, size, 3), np.uint8)
    kept = _decode_into(images, paths)
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
    labels = None
    if with_labels:
        indices = {name: index for index, name in enumerate(class_names)}
        labels = [indices[_class_of(root, paths[row])] for row in kept]
    return make_image_set(
        images[: len(kept)],
        name="folder",
        labels=labels,
        class_names=class_names,
        num_skipped=num_skipped,
    )


def read_image(path: pathlib.Path, size: int) -> np.ndarray:
    """Decode one image file into a square of RGB bytes.

    Order of the steps: the size is reduced inside the JPEG decoder where
    possible (the cheapest place); the EXIF orientation is applied before the
    centre is cut; colours are converted before resizing, as a palette's
    indices cannot be interpolated.

    Args:
        path: the file. Of an animation the first frame is read.
        size: side wanted, pixels.

    Returns:
        uint8 [size, size, 3]. Transparency is dropped; sixteen bits a pixel
        become eight.
    """
    with Image.open(path) as image:
        image.draft(None, (2 * size, 2 * size))
        upright = ImageOps.exif_transpose(image)
        square = ImageOps.fit(
            _to_rgb(upright), (size, size), Image.Resampling.BILINEAR
        )
        return np.asarray(square)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        # Pillow would clip these at 255 and turn a 16-bit picture white.
        pixels = np.asarray(image, np.float64)
        if image.mode.startswith("I"):
            pixels = pixels / 257  # 65535 / 255
        elif pixels.max(initial=0) <= 1:
            pixels = pixels * 255
        pixels = np.clip(np.round(pixels), 0, 255)
        image = Image.fromarray(pixels.astype(np.uint8))
    if image.mode == "P":
        image = image.convert("RGBA")  # Palettes may hold transparency.
    return image.convert("RGB")


def _decode_into(images: np.ndarray, paths: list[pathlib.Path]) -> list[int]:
    """Fill the first rows of `images`; return which paths they come from."""

    def decode(path):
        try:
            return read_image(path, images.shape[1])
        # A broken file makes Pillow raise nearly anything (OSError,
        # SyntaxError, struct.error, DecompressionBombError, ...).
        except Exception as error:
            logging.warning("Skipped %s: %s", path, error)
            return None

    kept = []
    with concurrent.futures.ThreadPoolExecutor(_NUM_THREADS) as pool:
        # In slices, lest decoded images wait in memory by the thousand.
        for start in range(0, len(paths), 1000):
            part = paths[start : start + 1000]
            for row, image in enumerate(pool.map(decode, part), start):
                if image is not None:
                    images[len(kept)] = image
                    kept.append(row)
    return kept


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


def list_images(root: pathlib.Path) -> list[pathlib.Path]:
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
                found.append(pathlib.Path(folder, name))
    return sorted(found)


def _find_classes(
    root: pathlib.Path, paths: list[pathlib.Path], data_dir: str
) -> tuple[str, ...]:
    for path in paths:
        if path.parent == root:
            raise ConfigError(
                f"--data_dir={data_dir}: {path.name} lies outside of any "
                f"class; labels need one subfolder for each class."
            )
    return tuple(path.name for path in _subfolders(root))


def _class_of(root: pathlib.Path, path: pathlib.Path) -> str:
    return path.relative_to(root).parts[0]
