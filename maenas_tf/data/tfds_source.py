"""Images of prepared TensorFlow Datasets; nothing is downloaded here."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data.array_images import make_array_images
from maenas_tf.data.image_source import ImageSource, with_statistics
from maenas_tf.data.labels import number_by_value
from maenas_tf.data.memory import (
    check_memory,
    fits_memory,
    say_decoded_on_demand,
)
from maenas_tf.data.pixel_rules import NEW_RULES, PixelRules
from maenas_tf.data.resizing import DEFAULT_SIZE
from maenas_tf.data.tfds_builder import make_builder, quiet
from maenas_tf.data.tfds_features import selected, to_square
from maenas_tf.data.tfds_records import (
    ARRAY_RECORD,
    RecordImages,
    only_array_records,
    open_records,
    record_format,
)
from maenas_tf.data.tracking import track

_READ_BATCH = 500


def load_tfds(
    name: str,
    *,
    data_dir: str,
    split: str,
    max_images: int,
    image_size: int,
    with_labels: bool,
    rules: PixelRules = NEW_RULES,
    whole: bool = False,
) -> ImageSource:
    """Read a prepared tfds data set that has a feature `image`.

    Without labels only the image is parsed from the records: the labels are
    never read. Images that would not fit in memory stay in their records if
    these can be read one by one, which those of the formats array_record and
    TFRecord can.

    Args:
        name: of the data set, as "cifar10" or "name/config:version".
        data_dir: where it was prepared; empty means tfds' own default.
        split: a tfds split, as "train" or "train[:50%]".
        max_images: read the first so many in tfds' fixed order, which was
            shuffled at preparation; 0 reads all.
        image_size: side in pixels; 0 means the data set's own if all its
            images are squares of one size, else 64.
        with_labels: whether to read the feature `label` too.
        rules: how pixels become bytes; where no white is known, all of
            sixteen bits are used.
        whole: whether parts of the whole images will be asked for; those that
            would be cut or resized then stay in their records too.

    Returns:
        The images, with labels only if asked for.

    Raises:
        ConfigError: the name, split or a feature is unknown, the data set is
            not prepared, or the images would not fit in memory and are of
            another format.
    """
    with quiet():
        made = _load(
            name,
            data_dir,
            split,
            max_images,
            image_size,
            with_labels,
            rules,
            whole,
        )
    if isinstance(made, RecordImages):
        say_decoded_on_demand(made.num_images, made.image_size, name)
    return made


def _load(
    name: str,
    data_dir: str,
    split: str,
    max_images: int,
    image_size: int,
    with_labels: bool,
    rules: PixelRules,
    whole: bool,
) -> ImageSource:
    builder = prepared(make_builder(name, data_dir), name, data_dir)
    features = builder.info.features
    _check_features(name, features, with_labels)
    available = count_examples(builder, name, split)
    count = min(available, max_images or available)
    size = image_size or _native_size(features["image"].shape)
    facts = {
        "name": name,
        "fingerprint": fingerprint_of(builder, split),
        "pixels": rules,
    }
    if with_labels and getattr(features["label"], "num_classes", None):
        facts["class_names"] = tuple(features["label"].names)
    is_cut = features["image"].shape[:2] != (size, size)
    held = fits_memory(count, size) and not (whole and is_cut)
    if record_format(builder) and (not held or only_array_records(builder)):
        records = open_records(builder, split, count, size, with_labels, facts)
        if not held:
            return with_statistics(records)
        images, labels = records.read(np.arange(count)), records.labels
        facts["class_names"] = records.class_names
    else:
        _check_format(builder, count, size, held)
        images, labels = _read(builder, split, count, size, with_labels, rules)
        if with_labels and "class_names" not in facts:
            labels, facts["class_names"] = number_by_value(labels)
    return make_array_images(images, labels=labels, **facts)


def prepared(builder: Any, name: str, data_dir: str) -> Any:
    """Returns a builder whose data set is prepared.

    Raises:
        ConfigError: it is not; the message says how to.
    """
    if not builder.is_prepared():
        raise ConfigError(
            f"--dataset={name} is not prepared in "
            f"--data_dir={data_dir or builder.data_dir}; run: python -m "
            f"tools.prepare_data --dataset={name}"
            + (f" --data_dir={data_dir}" if data_dir else "")
        )
    return builder


def count_examples(builder: Any, name: str, split: str) -> int:
    """Returns the number of examples of a split.

    Raises:
        ConfigError: there is no such split, or it is empty.
    """
    try:
        count = builder.info.splits[split].num_examples
    except (KeyError, ValueError):
        known = ", ".join(sorted(builder.info.splits))
        raise ConfigError(
            f"--split={split} is not in --dataset={name}; it has {known}."
        ) from None
    if not count:
        raise ConfigError(f"--split={split} of --dataset={name} is empty.")
    return count


def _check_format(builder: Any, count: int, size: int, held: bool) -> None:
    """Refuses what can be read from first to last only and is not to be."""
    remedy = (
        f"prepare it so that its images can be read one by one, in Python: "
        f"tfds.builder('{builder.info.full_name}', data_dir=...)"
        f".download_and_prepare(file_format='{ARRAY_RECORD}')"
    )
    check_memory(count, size, f"; or {remedy}")
    if not held:
        raise ConfigError(
            f"--crop=resized cuts from whole images, which --dataset="
            f"{builder.info.name} has in files that can be read from first to "
            f"last only; {remedy}."
        )


def _check_features(name: str, features: Any, with_labels: bool) -> None:
    wanted = ("image", "label") if with_labels else ("image",)
    for feature in wanted:
        if feature not in features:
            raise ConfigError(
                f"--dataset={name} has no feature '{feature}' (it has "
                f"{', '.join(features)}); choose another data set."
            )
    shape = features["image"].shape
    if len(shape) != 3:
        raise ConfigError(
            f"--dataset={name}: its feature 'image' has the shape {shape}, "
            f"not height x width x channels; choose another data set."
        )
    if with_labels:
        label = features["label"]
        kind = label.shape == () and tf.as_dtype(label.dtype)
        if not kind or not (kind.is_integer or kind.is_bool):
            raise ConfigError(
                f"--dataset={name}: its feature 'label' is {label}, not one "
                f"whole number; choose another data set."
            )
    kind = tf.as_dtype(features["image"].dtype)
    if shape[-1] not in (1, 3, 4) or kind not in (tf.uint8, tf.uint16):
        raise ConfigError(
            f"--dataset={name}: its feature 'image' has {shape[-1]} channels "
            f"of type {kind.name}, not 1, 3 or 4 of type uint8 or uint16; "
            f"choose another data set or configuration."
        )


def _native_size(shape: tuple[int | None, ...]) -> int:
    return shape[0] if shape[0] and shape[0] == shape[1] else DEFAULT_SIZE


def _read(
    builder: Any,
    split: str,
    count: int,
    size: int,
    with_labels: bool,
    rules: PixelRules,
) -> tuple[np.ndarray, np.ndarray | None]:
    import tensorflow_datasets as tfds

    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders=selected(with_labels, builder.info.features),
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    # take() before the rest of the work: no image is prepared in vain.
    dataset = dataset.take(count)

    def prepare(example):
        return {**example, "image": to_square(example["image"], size, rules)}

    dataset = dataset.map(prepare, tf.data.AUTOTUNE, deterministic=True)
    images = np.empty((count, size, size, 3), np.uint8)
    labels = np.empty(count, np.int64) if with_labels else None
    end = 0
    batches = dataset.batch(_READ_BATCH).as_numpy_iterator()
    total = -(-count // _READ_BATCH)
    try:
        for batch in track(batches, total, "reading images", "batch"):
            start, end = end, end + len(batch["image"])
            images[start:end] = batch["image"]
            if with_labels:
                labels[start:end] = batch["label"]
    except tf.errors.OpError as error:
        raise ConfigError(
            f"--dataset={builder.info.name}: one of the images {end} to "
            f"{min(end + _READ_BATCH, count) - 1} cannot be read "
            f"({error.message.splitlines()[0]}); prepare the data set again "
            f"without it."
        ) from error
    return images[:end], labels if labels is None else labels[:end]


def fingerprint_of(builder: Any, split: str) -> dict[str, str]:
    """Returns the fingerprint of a split's images.

    It is the same for each format of its files, but that images of several
    files come in another order from array_record alone.
    """
    info = builder.info.splits[split]
    size = f"{info.num_examples} examples, {int(info.num_bytes)} bytes"
    found = {"version": f"{builder.info.full_name}: {size}"}
    several = len(info.file_instructions) > 1
    if several and not builder.info.disable_shuffling:
        by_file = only_array_records(builder)
        found["order"] = "file by file" if by_file else "files in turn"
    return found
