"""The images that a JSON file of boxes names, in a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

import numpy as np

from maenas_tf.config import ConfigError, user_path
from maenas_tf.data.array_images import make_array_images
from maenas_tf.data.decoding_threads import decoding_threads
from maenas_tf.data.identity import fingerprint_files
from maenas_tf.data.image_file import check_image, upright_sides
from maenas_tf.data.image_reading import tell_failures
from maenas_tf.data.image_source import with_statistics
from maenas_tf.data.memory import fits_memory, say_decoded_on_demand
from maenas_tf.data.notes import recall
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.settling import settle_rules
from maenas_tf.data.tracking import track
from maenas_tf.detection.boxed_images import BoxedImages, fit_boxes
from maenas_tf.detection.coco_json import CocoFile, read_coco
from maenas_tf.detection.letterbox import LetterboxFiles

NAME = "coco_json"


def load_coco_folder(
    annotations: str,
    data_dir: str,
    *,
    max_images: int,
    image_size: int,
    rules: PixelRules,
) -> BoxedImages:
    """Opens the images of a JSON file of COCO's form.

    Those that cannot be decoded are named, counted and left out. Images that
    take more than their share of the memory stay in their files.

    Args:
        annotations: the JSON file.
        data_dir: the folder that its file names are below.
        max_images: use at most so many, evenly spaced; 0 uses all.
        image_size: side of the squares that they are fitted into, pixels.
        rules: how pixels become bytes, as far as that is known.

    Raises:
        ConfigError: file or folder cannot be read or do not fit.
    """
    coco = read_coco(annotations)
    if not data_dir:
        raise ConfigError(
            f"--data_dir is empty; give the folder of the images of "
            f"--annotations={annotations}."
        )
    root = os.fspath(user_path(data_dir))
    count = len(coco.names)
    chosen = np.arange(count)
    if max_images:
        chosen = np.unique(np.linspace(0, count - 1, max_images).astype(int))
    paths = [os.path.join(root, coco.names[number]) for number in chosen]
    named = f"--data_dir={data_dir}"
    _check_there(paths, annotations, named)
    rules = settle_rules(paths, rules, named)
    sides = _sides_of(root, paths, image_size, rules, named)
    good = np.flatnonzero(sides[:, 0])
    if not len(good):
        raise ConfigError(
            f"{named}: none of the {len(paths)} image(s) of --annotations="
            f"{annotations} can be decoded, e.g. {paths[0]}."
        )
    kept = chosen[good]
    _check_sides(coco, kept, sides[good], named)
    files = [paths[number] for number in good]
    images = LetterboxFiles(
        name=NAME,
        paths=files,
        size=image_size,
        num_skipped=len(paths) - len(files),
        pixels=rules,
        fingerprint=fingerprint_files(root, files),
    )
    if fits_memory(len(files), image_size):
        images = make_array_images(
            images.read(np.arange(len(files))),
            name=NAME,
            paths=files,
            num_skipped=images.num_skipped,
            fingerprint=images.fingerprint,
            pixels=rules,
        )
    else:
        say_decoded_on_demand(len(files), image_size, data_dir)
        images = with_statistics(images)
    return fit_boxes(
        images,
        coco.of_images(kept, sides[good]),
        coco.class_names,
        f"--annotations={annotations}",
    )


def _check_there(paths: Sequence[str], annotations: str, named: str) -> None:
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing:
        raise ConfigError(
            f"{named} lacks {len(missing)} of the {len(paths)} images that "
            f"--annotations={annotations} names, e.g. {missing[0]}; give the "
            f"folder that its file names begin in."
        )


def _sides_of(
    root: str,
    paths: Sequence[str],
    size: int,
    rules: PixelRules,
    named: str,
) -> np.ndarray:
    """Returns height and width of each image, 0 of those that are broken."""

    def find():
        failures = []

        def look(path):
            try:
                check_image(path, size, rules)
                return upright_sides(path)
            # A broken file makes Pillow raise nearly anything.
            except Exception as error:
                failures.append(f"Skipped {path}: {error}")
                return 0, 0

        with decoding_threads() as pool:
            looked = pool.map(look, paths)
            looked = track(looked, len(paths), "checking images", "file")
            sides = np.array(list(looked), np.int64).reshape(-1, 2)
        tell_failures(sorted(failures), len(paths), named)
        return {"sides": sides}

    key = json.dumps([size, fingerprint_files(root, paths)])
    return recall("sides", key, find)["sides"]


def _check_sides(
    coco: CocoFile, kept: np.ndarray, sides: np.ndarray, named: str
) -> None:
    """Refuses images that are not those that were annotated."""
    told = coco.sides[kept]
    wrong = np.any((told != sides) & (told > 0), axis=1)
    if wrong.any():
        place = int(np.argmax(wrong))
        (height, width), (high, wide) = sides[place], told[place]
        raise ConfigError(
            f"{named}: {coco.names[kept[place]]} has {width}x{height} pixels, "
            f"upright, but was annotated with {wide}x{high} ({wrong.sum()} of "
            f"{len(kept)} images differ); give the images as they were "
            f"annotated."
        )
