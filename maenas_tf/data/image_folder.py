"""Images from a folder: any nesting, any sizes, labelled or not."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence

import numpy as np
from absl import logging

from maenas_tf.config import ConfigError, user_path
from maenas_tf.data.array_images import make_array_images
from maenas_tf.data.file_images import FileImages
from maenas_tf.data.identity import fingerprint_files
from maenas_tf.data.image_listing import (
    SUFFIXES,
    Folder,
    Listing,
    list_images,
    read_folder,
)
from maenas_tf.data.image_reading import check_files, read_files
from maenas_tf.data.image_source import ImageSource, with_statistics
from maenas_tf.data.memory import fits_memory, say_decoded_on_demand
from maenas_tf.data.notes import recall
from maenas_tf.data.pixel_rules import NEW_RULES, PixelRules
from maenas_tf.data.plain_images import warn_of_plain
from maenas_tf.data.resizing import DEFAULT_SIZE
from maenas_tf.data.settling import settle_rules
from maenas_tf.data.split_folders import (
    check_below,
    choose_splits,
    unlabeled_beside,
)

_NAMES_SHOWN = 6


def load_folder(
    *,
    data_dir: str,
    split: str,
    max_images: int,
    image_size: int,
    with_labels: bool,
    rules: PixelRules = NEW_RULES,
    whole: bool = False,
) -> ImageSource:
    """Take every image below a folder, in the order of the sorted paths.

    A folder of subfolders that are named as splits, in any usual spelling, is
    taken as split; any other is one set, its "train" split. What was written
    by a run, a sweep or a report is left out. Files that cannot be decoded
    are named in a warning, counted, left out; what is no image is counted.
    Images that take more than the share of the memory set apart for them
    stay in their files and are decoded when they are needed.

    Args:
        data_dir: the folder. Symbolic links are followed.
        split: "train", or the name of a subfolder or a split. Without labels
            "train" takes in the images of a split without labels.
        max_images: take at most so many files, spread evenly over the sorted
            paths, for the first ones may be all of one class; 0 takes all.
        image_size: side in pixels, 0 means 64. The shorter side is resized,
            then the centre square kept.
        with_labels: whether the first-level subfolders are classes; one
            without an image is named and is none.
        rules: how pixels become bytes, as far as that is known; the images
            tell the rest.
        whole: whether parts of the whole images will be asked for; they then
            stay in their files too.

    Returns:
        The images, with labels only if asked for.

    Raises:
        ConfigError: the folder is missing or holds no readable image, lacks
            the split or is split in part, or holds images outside of classes
            when labels are wanted.
    """
    size = image_size or DEFAULT_SIZE
    named = f"--data_dir={data_dir}"
    roots, beside, listing = _find(data_dir, split, with_labels, named)
    found = listing.images
    folders = ()
    if with_labels:
        folders = _class_folders(roots[0], beside, listing, named)
    paths = _spread(found, max_images)
    rules = settle_rules(paths, rules, named)
    root = os.path.commonpath(roots)
    held = not whole and fits_memory(len(paths), size)
    if held:
        pixels, kept = read_files(paths, size, rules, data_dir)
    else:
        say_decoded_on_demand(len(paths), size, data_dir)
        pixels, kept = None, _readable(root, paths, size, rules, data_dir)
    if not kept:
        raise ConfigError(
            f"{named}: none of its {len(paths)} image file(s) can be "
            f"decoded, e.g. {paths[0]}."
        )
    good = [paths[row] for row in kept]
    owners = _owners(roots[0], good) if with_labels else ()
    if with_labels and len(paths) == len(found):
        folders = _occupied(folders, owners, data_dir)
    facts = {
        "name": "folder",
        "paths": good,
        "num_skipped": len(paths) - len(good),
        "pixels": rules,
        "num_others": listing.others.total(),
        "fingerprint": fingerprint_files(root, good),
        "labels": _numbers(folders, owners) if with_labels else None,
        "class_names": folders,
    }
    if not held:
        images = with_statistics(FileImages(size=size, **facts))
    else:
        images = make_array_images(pixels, **facts)

    def warn():
        warn_of_plain(
            images, named, lambda row: os.path.relpath(good[row], root)
        )
        return {}

    recall("warned", json.dumps([size, dict(images.fingerprint)]), warn)
    return images


def _readable(
    root: str,
    paths: Sequence[str],
    size: int,
    rules: PixelRules,
    named: str,
) -> list[int]:
    """Returns which files can be decoded; they are checked once a run."""
    about = [size, dataclasses.asdict(rules), fingerprint_files(root, paths)]

    def find():
        rows = check_files(paths, size, rules, named)
        return {"rows": np.array(rows, np.int64)}

    return recall("readable", json.dumps(about), find)["rows"].tolist()


def _find(
    data_dir: str, split: str, with_labels: bool, named: str
) -> tuple[list[str], list[str], Listing]:
    """Returns the folders of the split, what is no class, and the images."""
    top = _read_top(data_dir, named)
    roots = choose_splits(top, split, with_labels, named)
    beside = unlabeled_beside(top, roots) if with_labels else []
    listing = list_images(*roots, without=beside)
    listing.tell_left_out(data_dir)
    if not listing.images:
        raise ConfigError(
            f"{named} has no images for --split={split} (looked for "
            f"{', '.join(sorted(SUFFIXES))}, and into files of other names, "
            f"below {' and '.join(roots)})."
        )
    check_below(roots, listing.images, named)
    return roots, beside, listing


def _read_top(data_dir: str, named: str) -> Folder:
    if not data_dir:
        raise ConfigError(
            "--data_dir is empty; give the folder that holds the images."
        )
    root = user_path(data_dir)
    if not root.is_dir():
        reason = "is not a folder" if root.exists() else "does not exist"
        raise ConfigError(
            f"{named} {reason}; give the folder that holds the images."
        )
    top = read_folder(root)
    if top.marks:
        raise ConfigError(
            f"{named} is what a tool has written (it holds "
            f"{' and '.join(top.marks)}), not a folder of images; give the "
            f"one that holds the images, and what is written a directory of "
            f"its own."
        )
    return top


def _spread(paths: Sequence[str], max_images: int) -> Sequence[str]:
    """Returns so many of the paths, evenly spaced."""
    if not 0 < max_images < len(paths):
        return paths
    chosen = np.arange(max_images) * len(paths) // max_images
    return [paths[index] for index in chosen]


def _class_folders(
    root: str, beside: Sequence[str], listing: Listing, named: str
) -> tuple[str, ...]:
    """Returns the names of the first-level folders that hold images."""
    for path in listing.images:
        if os.path.dirname(path) == root:
            raise ConfigError(
                f"{named}: {os.path.basename(path)} lies outside of any "
                f"class; labels need one subfolder for each class."
            )
    # That a folder holds but runs has been said.
    told = {*beside, *_owners(root, listing.outputs)}
    names = [n for n in read_folder(root).subfolders if n not in told]
    return _occupied(names, _owners(root, listing.images), root)


def _occupied(
    names: Sequence[str], owners: Sequence[str], where: str
) -> tuple[str, ...]:
    """Returns the classes that have images, and names the others."""
    filled = set(owners)
    empty = [name for name in names if name not in filled]
    if empty:
        logging.warning(
            "Left out of %s %d class(es) without a readable image: %s%s.",
            where,
            len(empty),
            ", ".join(empty[:_NAMES_SHOWN]),
            " ..." if empty[_NAMES_SHOWN:] else "",
        )
    return tuple(sorted(filled))


def _numbers(names: Sequence[str], owners: Sequence[str]) -> np.ndarray:
    numbers = {name: number for number, name in enumerate(names)}
    return np.array([numbers[name] for name in owners], np.int64)


def _owners(root: str, paths: Sequence[str]) -> list[str]:
    """Returns the class of each path, the folder that follows the root."""
    start = len(os.path.join(root, ""))
    return [path[start:].split(os.sep, 1)[0] for path in paths]
