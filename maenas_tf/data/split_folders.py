"""Folders that are the splits of a data set, under the names people give them.

A folder of images is one set, or it is parted into splits:
train/..., test/... and so on. What looks like splits in part is refused: else
a search would be made on the images that are to test it.
"""

from __future__ import annotations

import collections
import os
import re
from collections.abc import Iterable, Mapping, Sequence

from absl import logging

from maenas_tf.config import ConfigError, user_path
from maenas_tf.data.image_listing import Folder, holds_images, read_folder

TRAIN, VALIDATION, TEST = "train", "validation", "test"
UNLABELED = "unlabeled"

_WORDS = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validate": VALIDATION,
    "validation": VALIDATION,
    "eval": VALIDATION,
    "evaluation": VALIDATION,
    "test": TEST,
    "testing": TEST,
    "unlabeled": UNLABELED,
    "unlabelled": UNLABELED,
}
# Beside one of these a word that tells a split still does, as in training_set
# or train2017.
_FILLERS = frozenset(
    "data dataset folder image images img imgs photos pics pictures set sets "
    "split".split()
)
# What may be a class as well, if no other name tells a split.
_ORDINARY = frozenset(("train", "valid"))


def split_of(name: str) -> str | None:
    """Returns which split a folder of that name is, None if it is none.

    Args:
        name: in any spelling, as "Training", "train2017" or "test_set".
    """
    words = [word for word in _words(name) if word not in _FILLERS]
    return _WORDS.get(words[0]) if len(words) == 1 else None


def choose_splits(
    root: Folder, split: str, with_labels: bool, named: str
) -> list[str]:
    """Finds the folders to read of a split.

    Args:
        root: the folder of the data set.
        split: the name asked for. Without labels "train" is the images for
            training and, if there are some, those without labels: never the
            test images.
        with_labels: whether labels are wanted.
        named: the folder in messages.

    Returns:
        Paths of folders; the root itself where it is one set.

    Raises:
        ConfigError: there is no such split, or the folders are splits only
            in part.
    """
    known = _known_splits(root, named)
    if not known:
        if split_of(split) == TRAIN:
            return [root.path]
        raise ConfigError(
            f"--split={split} is not in {named}; it has train (all images)."
        )
    chosen = _named(known, split, named)
    if split == TRAIN and not with_labels:
        chosen += [n for n, kind in known.items() if kind == UNLABELED]
        if len(chosen) > 1:
            logging.warning(
                "Labels are not needed: the images of %s are read, all but "
                "those for validation and test; for one of them alone give "
                "its folder as --data_dir.",
                " and ".join(chosen),
            )
    if not chosen:
        raise ConfigError(
            f"--split={split} is not in {named}; it has {_listed(known)}."
        )
    return [os.path.join(root.path, name) for name in chosen]


def lacks_test(dataset: str, data_dir: str) -> bool:
    """Returns whether a data set is a folder without a part for testing.

    Args:
        dataset: "folder", or the name of a data set, of which nothing is said.
        data_dir: the folder.
    """
    path = user_path(data_dir)
    if dataset != "folder" or not path.is_dir():
        return False
    return all(split_of(n) != TEST for n in read_folder(path).subfolders)


def unlabeled_beside(root: Folder, roots: Sequence[str]) -> list[str]:
    """Returns the folders without labels that lie beside the classes.

    Args:
        root: the folder of the data set.
        roots: what `choose_splits` has found; of folders that are splits each
            holds nothing but its own images.

    Returns:
        Their names; none where folders are splits.
    """
    if list(roots) != [root.path]:
        return []
    return [n for n in root.subfolders if split_of(n) == UNLABELED]


def check_below(roots: Sequence[str], paths: Iterable[str], named: str) -> None:
    """Refuses splits under other names or deeper down, all read as one.

    Args:
        roots: the folders that are read.
        paths: of the images below them.
        named: the folder in messages.

    Raises:
        ConfigError: there are some.
    """
    stop = {*roots, ""}
    seen: set[str] = set()
    children: dict[str, set[str]] = collections.defaultdict(set)
    for folder in {os.path.dirname(path) for path in paths}:
        while folder not in stop and folder not in seen:
            seen.add(folder)
            above, name = os.path.split(folder)
            if any(word in _WORDS for word in _words(name)):
                children[above].add(name)
            folder = above
    for folder, names in sorted(children.items()):
        if len(_hints(names)) > 1:
            raise ConfigError(
                f"{named}: {folder} holds {_listed(names)}, which look like "
                f"splits, and all of them would be read as one; give the "
                f"folder of one split as --data_dir, or a folder that holds "
                f"train, test and so on itself."
            )


def _known_splits(root: Folder, named: str) -> dict[str, str]:
    """Returns which folders are which split; none where all is one set."""
    known = {n: k for n in root.subfolders if (k := split_of(n)) is not None}
    if not known:
        return {}
    others = [
        name
        for name in root.subfolders
        if name not in known and holds_images(os.path.join(root.path, name))
    ]
    if not others and not root.images:
        return known
    alone = {name.lower() for name in known}
    ordinary = len(alone) == 1 and alone <= _ORDINARY
    if others and ordinary and not _hints(others):
        logging.warning(
            "%s has a folder %s beside others: it is taken as one of them, "
            "not as a split.",
            named,
            *known,
        )
        return {}
    unlabeled = set(known.values()) == {UNLABELED}
    if unlabeled and not root.images and not _hints(others):
        # Classes, and beside them what has none: no image is for testing.
        return {}
    beside = [*others, *root.images]
    raise ConfigError(
        f"{named} holds {_listed(known)}, which look like splits, and beside "
        f"them {_listed(beside)}; give the folder of one split as --data_dir, "
        f"or move what belongs to none elsewhere."
    )


def _named(known: Mapping[str, str], split: str, named: str) -> list[str]:
    """Returns the folder that a split's name means, if there is one."""
    kind = split_of(split)
    alike = [name for name, k in known.items() if kind and k == kind]
    if split in known:
        others = [name for name in alike if name != split]
        if others:
            logging.warning(
                "--split=%s of %s is the folder of that name; %s is not read.",
                split,
                named,
                _listed(others),
            )
        return [split]
    if len(alike) > 1:
        raise ConfigError(
            f"--split={split} of {named} may be {' or '.join(alike)}; give "
            f"one of these names as --split."
        )
    return alike


def _hints(names: Iterable[str]) -> set[str]:
    """Returns the splits that names speak of, among other words too."""
    words = {word for name in names for word in _words(name)}
    return {_WORDS[word] for word in words if word in _WORDS}


def _words(name: str) -> list[str]:
    """Returns the words of a name, without those glued to its end."""
    found = re.findall(r"[a-z]+", name.lower())
    return [re.sub(r"(?<=t|n|g|l|d)(set|data|images)$", "", w) for w in found]


def _listed(names: Iterable[str], most: int = 6) -> str:
    names = sorted(names)
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")
