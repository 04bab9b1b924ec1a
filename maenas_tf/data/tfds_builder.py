"""Builders of TensorFlow Datasets, made quietly and without the network."""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
import os
from collections.abc import Iterator
from typing import Any

from absl import logging

from maenas_tf.config import ConfigError, user_path


@contextlib.contextmanager
def no_cloud_probe() -> Iterator[None]:
    """Keep tfds from asking a cloud metadata server, and waiting for it.

    By a variable of the whole process, which would keep the caller out of
    cloud storage and so does not stay.
    """
    given = "NO_GCE_CHECK" in os.environ
    os.environ.setdefault("NO_GCE_CHECK", "true")
    try:
        yield
    finally:
        if not given:
            del os.environ["NO_GCE_CHECK"]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence tfds' warnings about itself and about absent folders."""
    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        with no_cloud_probe():
            yield
    finally:
        logging.set_verbosity(before)


def make_builder(name: str, data_dir: str) -> Any:
    """Find the tfds builder of a data set, without touching the network.

    Args:
        name: of the data set.
        data_dir: where it is or will be prepared; empty means tfds' default.

    Returns:
        A `tfds.core.DatasetBuilder`.

    Raises:
        ConfigError: tfds knows no such name, configuration or version.
    """
    # Imported here: it takes seconds, and few runs need it.
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(
            name,
            data_dir=user_path(data_dir) if data_dir else None,
            try_gcs=False,
        )
    except tfds.core.DatasetNotFoundError:
        known = ["digits", "folder"]
        known += tfds.list_builders(with_community_datasets=False)
        near = difflib.get_close_matches(name, known, n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ConfigError(
            f"--dataset={name} is not known; give digits, folder or the name "
            f"of a tfds data set.{hint}"
        ) from None
    except (ValueError, AssertionError, ImportError, OSError) as error:
        raise ConfigError(
            f"--dataset={name} cannot be opened: {_first_line(error)}"
        ) from error


def download(builder: Any, name: str) -> None:
    """Downloads and prepares a data set; tools.prepare_data alone does it.

    Args:
        builder: of `make_builder`.
        name: of the data set, for messages.

    Raises:
        ConfigError: the user must provide a package or a file first.
    """
    # tfds imports it while preparing, without declaring that it needs it.
    if importlib.util.find_spec("importlib_resources") is None:
        raise ConfigError(
            f"--dataset={name} cannot be prepared without the package "
            f"importlib_resources; run: pip install importlib_resources"
        )
    import tensorflow_datasets as tfds

    settings = tfds.download.DownloadConfig(try_download_gcs=False)
    try:
        builder.download_and_prepare(download_config=settings)
    except (AssertionError, ImportError) as error:  # as tfds reports those
        reason = " ".join(str(error).split())
        message = f"--dataset={name} cannot be prepared: {reason}"
        raise ConfigError(message) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
