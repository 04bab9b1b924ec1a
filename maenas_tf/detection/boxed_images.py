"""Images with the boxes of what is to be found in them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np
from absl import logging

from maenas_tf.config import ConfigError
from maenas_tf.data.identity import DataIdentity
from maenas_tf.data.image_source import ImageSource
from maenas_tf.detection.letterbox import fitted_sides

# Sides in pixels of the network's image from which on a box can be found.
LEAST_SIDE = 1.0
# In place of a box and of its class where an image has fewer than others.
NO_BOX = -1


@dataclasses.dataclass(frozen=True, eq=False)
class Annotations:
    """Boxes as they are annotated, of all images in one row.

    Attributes:
        owners: the image of each, int64 [T].
        boxes: left, upper, right and lower side, in pixels of the image as it
            is looked at, float64 [T, 4].
        classes: number of each one's class, int64 [T].
        sides: height and width of each image, int64 [N, 2].
        num_crowds: boxes around many things together, which were left out.
    """

    owners: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray
    sides: np.ndarray
    num_crowds: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class BoxedImages:
    """Images in squares, with boxes in pixels of these squares.

    Attributes:
        images: the images.
        boxes: left, upper, right and lower side, float32 [N, M, 4], where M
            is the most of any image; -1 where there is none.
        classes: int32 [N, M]; -1 where there is none.
        class_names: one for each class.
        num_dropped: boxes that were left out.
        num_cut: boxes that were cut at the border of their image.
    """

    images: ImageSource
    boxes: np.ndarray
    classes: np.ndarray
    class_names: tuple[str, ...]
    num_dropped: int = 0
    num_cut: int = 0

    @property
    def num_boxes(self) -> int:
        """The number of boxes in all images."""
        return int(np.sum(self.classes != NO_BOX))

    @property
    def num_without(self) -> int:
        """The number of images without a box."""
        return int(np.sum(np.all(self.classes == NO_BOX, axis=1)))

    def identity(self, split: str) -> DataIdentity:
        """Returns what tells images and boxes from those of another run."""
        digest = hashlib.blake2b(digest_size=16)
        for array in (self.boxes, self.classes):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array))
        found = self.images.identity(split)
        return dataclasses.replace(
            found,
            class_names=self.class_names,
            fingerprint={**found.fingerprint, "labels": digest.hexdigest()},
        )


def fit_boxes(
    images: ImageSource,
    annotated: Annotations,
    class_names: Sequence[str],
    named: str,
) -> BoxedImages:
    """Brings boxes into the squares that their images were fitted into.

    They are cut at the border of the image. What then has no area, or less
    than a pixel of the square on a side, is left out, and how many is said.

    Args:
        images: fitted by `letterbox`.
        annotated: their boxes.
        class_names: one for each class.
        named: where the boxes come from, in messages.

    Raises:
        ConfigError: there is no box, none is left, or most lie outside of
            their images.
    """
    total = len(annotated.boxes)
    if not total:
        raise ConfigError(
            f"{named} has no box in any of the {len(annotated.sides)} images; "
            f"give images of which some have boxes."
        )
    height, width = annotated.sides[annotated.owners].T.astype(np.float64)
    border = np.stack([width, height, width, height], axis=1)
    cut = np.clip(annotated.boxes, 0.0, border)
    extent = cut[:, 2:] - cut[:, :2]
    outside = np.any(extent <= 0, axis=1) & np.all(
        annotated.boxes[:, 2:] > annotated.boxes[:, :2], axis=1
    )
    if 2 * outside.sum() > total:
        raise ConfigError(
            f"{named}: {outside.sum()} of its {total} boxes lie outside of "
            f"their images; give them in pixels of the images, as left side, "
            f"upper side, width and height."
        )
    size = images.image_size
    new = fitted_sides(*annotated.sides.T, size)
    scale = np.stack([new[1], new[0]], axis=1) / annotated.sides[:, ::-1]
    scale = np.tile(scale, 2)[annotated.owners]
    fitted = cut * scale
    kept = np.all(fitted[:, 2:] - fitted[:, :2] >= LEAST_SIDE, axis=1)
    moved = kept & np.any(np.abs(cut - annotated.boxes) > 0.01, axis=1)
    _tell(named, total, outside, kept, moved, annotated.num_crowds, size)
    boxes, classes = _pack(
        len(annotated.sides),
        annotated.owners[kept],
        fitted[kept],
        annotated.classes[kept],
    )
    return BoxedImages(
        images,
        boxes,
        classes,
        tuple(class_names),
        int(np.sum(~kept)) + annotated.num_crowds,
        int(moved.sum()),
    )


def _tell(
    named: str,
    total: int,
    outside: np.ndarray,
    kept: np.ndarray,
    moved: np.ndarray,
    num_crowds: int,
    size: int,
) -> None:
    """Says what became of the boxes, unless all are as they were.

    Raises:
        ConfigError: none is left.
    """
    small = int(np.sum(~kept & ~outside))
    said = [
        f"{count} {what}"
        for count, what in (
            (int(outside.sum()), "outside of their image"),
            (small, f"of less than a pixel at --image_size={size}"),
            (num_crowds, "around a crowd"),
        )
        if count
    ]
    if not kept.any():
        raise ConfigError(
            f"{named}: none of its {total} boxes can be used "
            f"({', '.join(said)}); give boxes in pixels of the images, or a "
            f"larger --image_size."
        )
    if said:
        logging.warning(
            "Left out of %s %d of %d boxes: %s.",
            named,
            int(np.sum(~kept)) + num_crowds,
            total + num_crowds,
            ", ".join(said),
        )
    if moved.any():
        logging.warning(
            "Cut at the border of their images: %d boxes of %s that reach "
            "beyond.",
            int(moved.sum()),
            named,
        )


def _pack(
    count: int, owners: np.ndarray, boxes: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns boxes and classes with a row for each image."""
    order = np.argsort(owners, kind="stable")
    owners = owners[order]
    numbers = np.bincount(owners, minlength=count)
    starts = np.cumsum(numbers) - numbers
    places = np.arange(len(owners)) - starts[owners]
    packed = np.full((count, numbers.max(), 4), NO_BOX, np.float32)
    numbered = np.full((count, numbers.max()), NO_BOX, np.int32)
    packed[owners, places] = boxes[order]
    numbered[owners, places] = classes[order]
    return packed, numbered
