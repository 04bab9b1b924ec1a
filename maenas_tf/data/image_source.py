"""Images of one size, wherever they lie, with what is known about them."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data.channel_statistics import (
    known_statistics,
    measure_statistics,
)
from maenas_tf.data.identity import (
    DataIdentity,
    fingerprint_labels,
    fingerprint_pixels,
)
from maenas_tf.data.notes import recall
from maenas_tf.data.pixel_rules import NEW_RULES, PixelRules
from maenas_tf.data.resizing import stretch
from maenas_tf.data.windows import cut_window

Source = TypeVar("Source", bound="ImageSource")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ImageSource(abc.ABC):
    """Images of one size, each fetched by its index when it is needed.

    What comes before the pixels is indices and seeds, so that an epoch is the
    same wherever the images lie, and whatever their number. The bytes of an
    image are a function of its index alone.

    Attributes:
        name: of the data set.
        labels: int64 [N], or None when no label was read; known without
            fetching any image.
        class_names: one for each class; empty without labels.
        paths: of the file of each image, where each has one.
        num_skipped: files that could not be decoded and were left out.
        num_others: files beside the images that are none.
        mean: of each channel, in units of 0..1.
        std: of each channel, in units of 0..1.
        fingerprint: what tells these images from others without decoding
            them, as of `fingerprint_files`; where it is empty, pixels do.
        pixels: how what was read became bytes.
        failures: why images could not be fetched; empty as a rule.
    """

    name: str
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    paths: Sequence[str] = ()
    num_skipped: int = 0
    num_others: int = 0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    fingerprint: Mapping[str, str] = dataclasses.field(default_factory=dict)
    pixels: PixelRules = NEW_RULES
    failures: list[ConfigError] = dataclasses.field(
        default_factory=list, repr=False
    )

    def __post_init__(self):
        if self.labels is None or not len(self.labels):
            return
        low, high = self.labels.min(), self.labels.max()
        if low < 0 or high >= self.num_classes:
            raise ConfigError(
                f"--dataset={self.name} holds images of the class "
                f"{low if low < 0 else high}, but has {self.num_classes} "
                f"classes numbered from 0; choose a --split whose images all "
                f"have a label."
            )

    @property
    @abc.abstractmethod
    def num_images(self) -> int:
        """The number of images N."""

    @property
    @abc.abstractmethod
    def image_size(self) -> int:
        """The side of the images, pixels."""

    @abc.abstractmethod
    def fetch(self, index: tf.Tensor) -> tf.Tensor:
        """Returns an image, inside a `tf.data.Dataset`.

        Where it fails it adds to `failures` what ends the run.

        Args:
            index: int64 [].

        Returns:
            uint8 [H, W, 3]; here H = W = `image_size`.
        """

    def fetch_window(self, index: tf.Tensor, proposals: tf.Tensor) -> tf.Tensor:
        """Returns a part of an image, inside a `tf.data.Dataset`.

        It is cut before the size is fixed where the source has the whole
        image, and from what `fetch` gives where it has no more.

        Args:
            index: int64 [].
            proposals: of `propose_windows`.

        Returns:
            uint8 [H, W, 3]; here H = W = `image_size`.
        """
        part = cut_window(self.fetch(index), proposals)
        return stretch(part, self.image_size)

    @property
    def num_classes(self) -> int:
        """The number of classes, 0 without labels."""
        return len(self.class_names)

    @property
    def class_counts(self) -> tuple[int, ...]:
        """How many images each class has; empty without labels."""
        if self.labels is None:
            return ()
        counts = np.bincount(self.labels, minlength=self.num_classes)
        return tuple(counts.tolist())

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Returns some of the images, uint8 [len(indices), H, W, 3]."""
        dataset = tf.data.Dataset.from_tensor_slices(indices)
        dataset = dataset.map(
            self.fetch, tf.data.AUTOTUNE, deterministic=True
        ).prefetch(tf.data.AUTOTUNE)
        with self.failures_told():
            return np.stack(list(dataset.as_numpy_iterator()))

    def identity(self, split: str) -> DataIdentity:
        """Returns what tells these images from those of another run.

        Args:
            split: that they are of.
        """
        fingerprint = self.fingerprint or fingerprint_pixels(
            self.num_images, self.read
        )
        return DataIdentity(
            self.name,
            split,
            self.num_images,
            self.image_size,
            self.class_names,
            {**fingerprint, **fingerprint_labels(self.labels)},
        )

    @contextlib.contextmanager
    def failures_told(self) -> Iterator[None]:
        """Raises TensorFlow's error about a failed fetch as its cause.

        Raises:
            ConfigError: an image cannot be fetched any more.
        """
        try:
            yield
        except tf.errors.OpError as error:
            if self.failures:
                raise self.failures[0] from error
            raise


def with_statistics(source: Source) -> Source:
    """Gives a source the data set's known statistics or measured ones."""
    known = known_statistics(source.name)
    if known is None and not source.fingerprint:
        known = measure_statistics(source.num_images, source.read)
    if known is None:
        about = [source.name, source.num_images, source.image_size]
        about += [dataclasses.asdict(source.pixels), dict(source.fingerprint)]
        found = recall(
            "statistics", json.dumps(about), lambda: _measured(source)
        )
        known = tuple(found["mean"].tolist()), tuple(found["std"].tolist())
    mean, std = known
    return dataclasses.replace(source, mean=mean, std=std)


def _measured(source: ImageSource) -> dict[str, np.ndarray]:
    mean, std = measure_statistics(source.num_images, source.read)
    return {"mean": np.array(mean), "std": np.array(std)}
