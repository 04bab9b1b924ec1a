"""Which files below a folder are images."""

from __future__ import annotations

import collections
import dataclasses
import os
from collections.abc import Collection, Iterator, Sequence

from absl import logging

from maenas_tf.config import ConfigError, file_names
from maenas_tf.data.image_file import begins_as_image

# Believed without a look into the file: decoding will tell.
SUFFIXES = frozenset(
    ".apng .avif .bmp .dib .gif .heic .heif .hif .j2k .jfif .jp2 .jpe .jpeg "
    ".jpg .pbm .pgm .png .pnm .ppm .qoi .tga .tif .tiff .webp".split()
)
# Never opened: what lies beside images, in great numbers too. Raw photographs
# are among them, of which Pillow would read the thumbnail.
_OTHER_SUFFIXES = frozenset(
    ".3fr .arw .avi .cfg .cr2 .cr3 .csv .db .dng .doc .docx .gz .h5 .hdf5 "
    ".htm .html .ini .ipynb .js .json .jsonl .keras .log .mat .md .mkv .mov "
    ".mp3 .mp4 .nef .npy .npz .orf .parquet .pdf .pickle .pkl .pt .pth .py "
    ".raf .rst .rw2 .sh .svg .tar .tfrecord .toml .tsv .txt .wav .xls .xlsx "
    ".xml .yaml .yml .zip".split()
)
# What systems and archivers put beside the user's files.
_JUNK = frozenset(
    (
        "#recycle",
        "$recycle.bin",
        "@eadir",
        "__macosx",
        "__pycache__",
        "desktop.ini",
        "lost+found",
        "system volume information",
        "thumbs.db",
    )
)
_NAMES_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Folder:
    """What lies in one folder.

    Attributes:
        path: of it.
        marks: names of files that tell that a tool of this library has
            written it; then the rest is empty.
        images: names of the files that are images, or should be.
        others: names of what else is no folder.
        subfolders: names of those that may hold images, sorted.
    """

    path: str
    marks: Sequence[str] = ()
    images: Sequence[str] = ()
    others: Sequence[str] = ()
    subfolders: Sequence[str] = ()


@dataclasses.dataclass
class Listing:
    """What lies below one or several folders.

    Attributes:
        images: paths of the images, sorted folder by folder. As text, a third
            of the memory of path objects: there may be millions.
        others: how many files of each suffix are no images.
        examples: paths of the first of those whose suffix did not tell.
        outputs: paths of directories that a tool of this library has written.
    """

    images: list[str] = dataclasses.field(default_factory=list)
    others: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )
    examples: list[str] = dataclasses.field(default_factory=list)
    outputs: list[str] = dataclasses.field(default_factory=list)

    def tell_left_out(self, named: str) -> None:
        """Says what was not taken as an image, in a line each.

        Args:
            named: the folder in messages.
        """
        count = self.others.total()
        if count:
            kinds = ", ".join(
                f"{number} {suffix or 'without a suffix'}"
                for suffix, number in self.others.most_common()
            )
            examples = ", ".join(self.examples)
            logging.warning(
                "Left out of %s %d file(s) that are no images: %s%s.",
                named,
                count,
                kinds,
                f" (as {examples})" if examples else "",
            )
        if self.outputs:
            more = len(self.outputs) - _NAMES_SHOWN
            logging.warning(
                "Left out of %s what was written by a run: %s%s.",
                named,
                ", ".join(self.outputs[:_NAMES_SHOWN]),
                f" and {more} more" if more > 0 else "",
            )


def read_folder(path: str | os.PathLike[str]) -> Folder:
    """Looks into one folder.

    Only regular files are ever opened: a pipe would wait for good. What is
    hidden, or put there by a system, counts for nothing.

    Raises:
        ConfigError: it may not be read.
    """
    path = os.fspath(path)
    entries = _entries(path)
    marks = file_names.output_marks([entry.name for entry in entries])
    if marks:
        return Folder(path, marks)
    images, others, subfolders = [], [], []
    for entry in entries:
        name = entry.name
        if name.startswith(".") or name.lower() in _JUNK:
            continue
        if _is(entry.is_dir):
            subfolders.append(name)
        else:
            (images if _may_be_image(entry) else others).append(name)
    return Folder(path, (), images, others, subfolders)


def walk(
    root: str | os.PathLike[str], without: Collection[str] = ()
) -> Iterator[Folder]:
    """Looks into a folder and all below it, in sorted order.

    Links are followed; each real folder is entered once, as a link may point
    back up.

    Args:
        root: the folder.
        without: names of folders right below it that are not entered.

    Raises:
        ConfigError: a folder may not be read.
    """
    waiting, visited = [os.fspath(root)], set()
    while waiting:
        path = waiting.pop()
        real = os.path.realpath(path)
        if real in visited:
            continue
        visited.add(real)
        folder = read_folder(path)
        yield folder
        for name in reversed(folder.subfolders):
            if path != os.fspath(root) or name not in without:
                waiting.append(os.path.join(path, name))


def list_images(
    *roots: str | os.PathLike[str], without: Collection[str] = ()
) -> Listing:
    """Finds every image below some folders.

    Args:
        *roots: the folders.
        without: names of folders right below them that are left out.

    Raises:
        ConfigError: a folder may not be read.
    """
    listing = Listing()
    for root in roots:
        for folder in walk(root, without):
            _add(folder, listing)
    listing.images.sort(key=lambda path: path.split(os.sep))
    return listing


def holds_images(root: str | os.PathLike[str]) -> bool:
    """Returns whether there is an image anywhere below a folder."""
    return any(folder.images for folder in walk(root))


def _add(folder: Folder, listing: Listing) -> None:
    for name in folder.images:
        listing.images.append(os.path.join(folder.path, name))
    if folder.marks:
        listing.outputs.append(folder.path)
    for name in folder.others:
        suffix = os.path.splitext(name)[1].lower()
        listing.others[suffix] += 1
        untold = suffix not in _OTHER_SUFFIXES
        if untold and len(listing.examples) < _NAMES_SHOWN:
            listing.examples.append(os.path.join(folder.path, name))


def _entries(path: str) -> list[os.DirEntry[str]]:
    """Returns what lies in a folder, sorted by name."""
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise ConfigError(
            f"The folder {path} cannot be read ({error.strerror}); make it "
            f"readable, or move it out of the folder of images."
        ) from error


def _is(asked) -> bool:
    """Asks an entry what it is; a link that leads in a circle is nothing."""
    try:
        return asked()
    except OSError:
        return False


def _may_be_image(entry: os.DirEntry[str]) -> bool:
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix in SUFFIXES:
        # A link that leads nowhere is an image that cannot be decoded.
        return _is(entry.is_file) or not os.path.exists(entry.path)
    if suffix in _OTHER_SUFFIXES or not _is(entry.is_file):
        return False
    return begins_as_image(entry.path)
