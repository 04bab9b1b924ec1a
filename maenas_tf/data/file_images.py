"""Images in files, decoded when they are needed."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.data.image_file import read_image
from maenas_tf.data.image_source import ImageSource


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class FileImages(ImageSource):
    """Images in one file each, of which memory holds the paths.

    Attributes:
        size: side that they are decoded to, pixels.
    """

    size: int

    @property
    def num_images(self):
        return len(self.paths)

    @property
    def image_size(self):
        return self.size

    def fetch(self, index):
        return self._call(index)

    def fetch_window(self, index, proposals):
        return self._call(index, proposals)

    def _call(self, *arguments: tf.Tensor) -> tf.Tensor:
        # As `ArrayImages`' files are read, so that the bits are the same; the
        # decoders let other threads run meanwhile.
        image = tf.numpy_function(
            self._decode, arguments, tf.uint8, stateful=False
        )
        return tf.ensure_shape(image, (self.size, self.size, 3))

    def _read(self, path: str, proposals: np.ndarray | None) -> np.ndarray:
        return read_image(path, self.size, self.pixels, proposals)

    def _decode(
        self, index: np.ndarray, proposals: np.ndarray | None = None
    ) -> np.ndarray:
        path = self.paths[index]
        try:
            return self._read(path, proposals)
        # A broken file makes Pillow raise nearly anything (OSError,
        # SyntaxError, struct.error, DecompressionBombError, ...).
        except Exception as error:
            failure = ConfigError(
                f"{path} was an image when the run began and cannot be "
                f"decoded now ({error}); put it back and give the same "
                f"command, which goes on, or remove it and start another "
                f"--run_dir."
            )
            self.failures.append(failure)
            raise failure from error
