"""Where images come from: a name to an image source.

"digits" needs no file, "folder" reads the user's own images, and every other
name is a tfds data set. Nothing is downloaded here: tools/prepare_data.py
alone does that.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data.array_images import make_array_images
from maenas_tf.data.arrays import from_arrays
from maenas_tf.data.image_folder import load_folder
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.memory import check_memory
from maenas_tf.data.pixel_rules import NEW_RULES, PixelRules
from maenas_tf.data.resizing import resize_images
from maenas_tf.data.tfds_source import load_tfds
from maenas_tf.registry import Registry

__all__ = ["SOURCES", "ImageSource", "from_arrays", "load_images"]

SOURCES: Registry[Callable[..., ImageSource]] = Registry("data source")

DIGITS_SIZE = 32
_DIGITS_TEST_SHARE = 5  # the last fifth


def load_images(
    dataset: str,
    *,
    data_dir: str = "",
    split: str = "train",
    max_images: int = 0,
    image_size: int = 0,
    with_labels: bool,
    rules: PixelRules = NEW_RULES,
    whole: bool = False,
) -> ImageSource:
    """Open a data set; labels are read only if asked for.

    It is held in memory, but for a folder or a tfds set that would take too
    much of it, or of which the whole images are needed.

    Args:
        dataset: "digits", "folder" or the name of a prepared tfds data set.
        data_dir: the folder of images, or tfds' data directory.
        split: as the source names it; all have "train".
        max_images: use at most so many, the same ones each time: the first
            of digits and tfds, whose order is mixed, and evenly spaced ones
            of a folder, whose order is not. 0 uses all.
        image_size: side in pixels; 0 means the source's own: 32 for digits,
            the images' for tfds data of one square size, else 64.
        with_labels: whether to read the labels.
        rules: how pixels become bytes, as far as that is known; the images
            tell the rest.
        whole: whether parts of whole images will be asked for, with
            `ImageSource.fetch_window`; images that are cut or resized then
            are decoded whenever they are needed.

    Returns:
        The images.

    Raises:
        ConfigError: the setting at fault, what was received, what to do.
    """
    for name, value in (("max_images", max_images), ("image_size", image_size)):
        if value < 0:
            raise ConfigError(
                f"--{name}={value} is not valid: give a positive whole "
                f"number, or 0 for the default."
            )
    options = {
        "data_dir": data_dir,
        "split": split,
        "max_images": max_images,
        "image_size": image_size,
        "with_labels": with_labels,
        "rules": rules,
        "whole": whole,
    }
    if dataset in SOURCES:
        return SOURCES.get(dataset)(**options)
    return load_tfds(dataset, **options)


@SOURCES.register("digits")
def load_digits(
    *,
    data_dir: str,
    split: str,
    max_images: int,
    image_size: int,
    with_labels: bool,
    rules: PixelRules,
    whole: bool,
) -> ImageSource:
    """Read scikit-learn's handwritten digits: 1,797 grey images of 8 x 8.

    They are part of the package, so nothing is downloaded. The last fifth of
    them is the test split; all classes occur throughout.

    Args:
        data_dir: must be empty: there is nothing to look for.
        split: "train" (1,438 images) or "test" (359).
        max_images: use the first so many; 0 uses all.
        image_size: side in pixels, 0 means 32; resized bilinearly.
        with_labels: whether to read the labels.
        rules: how pixels become bytes; theirs is known, and none is
            transparent.
        whole: makes no difference: nothing is cut off.

    Returns:
        The images, the grey value repeated in three channels.

    Raises:
        ConfigError: unknown split, or a `data_dir`.

    Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten
    Digits", UCI Machine Learning Repository, 1998.
    """
    # Imported here: it takes a second, and only this source needs it.
    from sklearn import datasets

    del whole
    if data_dir:
        raise ConfigError(
            f"--data_dir={data_dir} has no part in --dataset=digits, which "
            f"needs no file; drop it or give --dataset=folder."
        )
    bunch = datasets.load_digits()
    first_test = len(bunch.images) - len(bunch.images) // _DIGITS_TEST_SHARE
    slices = {"train": slice(first_test), "test": slice(first_test, None)}
    if split not in slices:
        raise ConfigError(
            f"--split={split} is not in --dataset=digits; it has test, train."
        )
    kept = slice(max_images or None)
    grey = bunch.images[slices[split]][kept, ..., np.newaxis]
    size = image_size or DIGITS_SIZE
    check_memory(len(grey), size)
    # The images' grey values are 0..16.
    values = np.rint(grey * (255 / 16)).astype(np.uint8)
    resized = resize_images(tf.constant(values), size, rules.center_crop)
    labels = None
    class_names = ()
    if with_labels:
        labels = bunch.target[slices[split]][kept]
        class_names = tuple(str(name) for name in bunch.target_names)
    return make_array_images(
        np.repeat(resized.numpy(), 3, axis=-1),
        name="digits",
        labels=labels,
        class_names=class_names,
        pixels=rules,
    )


SOURCES.register("folder")(load_folder)
