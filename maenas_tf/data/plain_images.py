"""Says of images in which there is nothing to see that it is so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from absl import logging

from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.tracking import track

# Images looked at, evenly spread over the set.
MAX_IMAGES = 400
_PART = 20
_NAMES_SHOWN = 5
# Levels of 256 that nobody sees: a compressed colour, a range far too wide.
_CONTRAST = 2


def warn_of_plain(
    images: ImageSource, named: str, name_of: Callable[[int], str]
) -> None:
    """Names images that are of one colour, or says that all are alike.

    Files that are read in a wrong way look like that; a search of them ends
    as happily as any other.

    Args:
        images: the images, of which up to 400 are looked at.
        named: where they lie, in messages.
        name_of: the name of an image by its index.
    """
    count = min(images.num_images, MAX_IMAGES)
    chosen = np.linspace(0, images.num_images - 1, count).astype(np.int64)
    plain, first, alike = [], None, count > 1
    parts = np.array_split(chosen, -(-count // _PART))
    for part in track(parts, len(parts), "looking for plain images", "part"):
        pixels = images.read(part)
        first = pixels[0] if first is None else first
        alike = alike and bool(np.all(pixels == first))
        colours = pixels.reshape(len(pixels), -1, pixels.shape[-1])
        contrast = (colours.max(axis=1) - colours.min(axis=1)).max(axis=1)
        plain += part[contrast <= _CONTRAST].tolist()
    if alike:
        logging.warning(
            "All %d images of %s that were looked at are the same, pixel for "
            "pixel (%s)%s.",
            count,
            named,
            _listed(chosen, name_of),
            _hint(images),
        )
    elif plain:
        logging.warning(
            "%d of the %d images of %s that were looked at are, or nearly "
            "are, of one colour (%s)%s.",
            len(plain),
            count,
            named,
            _listed(plain, name_of),
            _hint(images),
        )


def _listed(indices, name_of: Callable[[int], str]) -> str:
    names = [name_of(int(index)) for index in indices[:_NAMES_SHOWN]]
    return ", ".join(names) + (", ..." if len(indices) > len(names) else "")


def _hint(images: ImageSource) -> str:
    ground = images.pixels.background
    return f"; if they have transparent parts, see --background={ground}"
