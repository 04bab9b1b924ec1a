"""Export of a trained network, checked before anything is left on disk.

What is exported takes images and returns probabilities, in each format. Each
file is loaded again and run on a fixed batch; its probabilities must be those
of the Keras network, fed by the data pipeline's own normalisation.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from maenas_tf.config import ConfigError, check, file_names, user_path
from maenas_tf.data.augment import normalize
from maenas_tf.runs.atomic import write_text
from maenas_tf.serving.export_formats import FORMATS
from maenas_tf.serving.serving_assets import write_class_names
from maenas_tf.training.trained_run import TrainedRun

TOLERANCE = 1e-4
NUM_CHECK_IMAGES = 8
CHECK_SEED = 0


class ExportError(RuntimeError):
    """An exported model does not compute what the Keras network does."""


def check_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the formats, each once.

    Raises:
        ConfigError: there is none, or one is unknown.
    """
    names = tuple(dict.fromkeys(name.strip() for name in formats))
    known = ",".join(FORMATS.names())
    if not names:
        raise ConfigError(f"--formats is empty; give some of {known}.")
    for name in names:
        if name not in FORMATS:
            raise ConfigError(
                f"--formats={','.join(formats)} is not valid: {name!r} is "
                f"unknown; give some of {known}."
            )
    return names


def check_output_dir(output_dir: str | os.PathLike[str]) -> pathlib.Path:
    """Returns the absolute path of a directory that is missing or empty.

    Raises:
        ConfigError: it is neither.
    """
    if not os.fspath(output_dir):
        raise ConfigError("--output_dir is empty; give a directory.")
    path = user_path(output_dir).resolve()
    if path.is_dir():
        try:
            used = any(path.iterdir())
        except OSError as error:
            raise _unwritable(path, error) from error
        if used:
            raise ConfigError(
                f"--output_dir={output_dir} is not empty; give a new "
                f"directory, so that no older export is mixed with this one."
            )
    elif path.exists():
        raise ConfigError(
            f"--output_dir={output_dir} is a file; give a new directory."
        )
    return path


def _unwritable(path: pathlib.Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"--output_dir={path} cannot be written "
        f"({error.strerror or error}); give a new directory below one of your "
        f"own, with room."
    )


@contextlib.contextmanager
def all_or_nothing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a temporary directory that becomes `path` if all goes well.

    It lies in the nearest directory above `path` that exists, so that not
    even a parent is left behind when the block ends with an exception.

    Args:
        path: absolute; missing or an empty directory.

    Raises:
        ConfigError: it cannot be written.
    """
    above = next(parent for parent in path.parents if parent.exists())
    temporary = above / f".{path.name}.{os.getpid()}.exporting"
    try:
        temporary.mkdir()
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield temporary
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_images(size: int) -> np.ndarray:
    """Returns the fixed batch, uint8 [8, size, size, 3].

    Half of it are coarse patterns, half of it is noise, each of another
    contrast.
    """
    rng = np.random.default_rng(CHECK_SEED)
    coarse = rng.random((NUM_CHECK_IMAGES, 4, 4, 3))
    patterns = tf.image.resize(coarse, (size, size), "nearest").numpy()
    noise = rng.random((NUM_CHECK_IMAGES, size, size, 3))
    is_noise = np.arange(NUM_CHECK_IMAGES) % 2
    values = np.where(is_noise[:, None, None, None], noise, patterns)
    contrast = np.linspace(0.25, 1, NUM_CHECK_IMAGES)[:, None, None, None]
    return np.rint(255 * values * contrast).astype(np.uint8)


def expected_probabilities(run: TrainedRun, images: np.ndarray) -> np.ndarray:
    """Returns what the Keras network makes of bytes, float32 [N, classes]."""
    means = run.preprocessing.mean, run.preprocessing.std
    normalized = normalize(tf.constant(images), *means)
    logits = run.network(normalized, training=False)
    return tf.nn.softmax(tf.cast(logits, tf.float32)).numpy()


def export(
    run: TrainedRun,
    output_dir: str | os.PathLike[str],
    formats: Sequence[str] = ("saved_model", "keras", "litert"),
    *,
    version: int = 1,
    report: Callable[[str], None] = print,
) -> dict[str, float]:
    """Exports a trained network.

    Writes saved_model/<version>/, model.keras and model.tflite, as asked,
    with class_names.txt and export.json beside; all of it or nothing.

    Args:
        run: the network and its preprocessing.
        output_dir: missing or empty.
        formats: of `FORMATS`.
        version: of the SavedModel, a positive whole number.
        report: is given a line before and after each format.

    Returns:
        The largest difference of probabilities to the Keras network's, for
        each format.

    Raises:
        ConfigError: an argument is wrong.
        ExportError: a difference is above `TOLERANCE`.
    """
    formats = check_formats(formats)
    path = check_output_dir(output_dir)
    expected = "give a whole number of at least 1."
    check(version >= 1, "version", version, expected)
    images = check_images(run.preprocessing.image_size)
    wanted = expected_probabilities(run, images)
    paths, differences = {}, {}
    with all_or_nothing(path) as directory:
        for name in formats:
            report(f"Writing and checking {name}.")
            form = FORMATS.get(name)(directory, version)
            form.write(run.network, run.preprocessing)
            found = form.probabilities(images)
            paths[name] = str(form.path.relative_to(directory))
            differences[name] = _difference(name, found, wanted)
            report(
                f"{name}: {paths[name]}, largest difference of a probability "
                f"{differences[name]:.1e}"
            )
        write_class_names(run.preprocessing.class_names, directory)
        summary = _summary(run, paths, differences)
        write_text(directory / file_names.EXPORT, summary)
    return differences


def _difference(
    name: str, found: list[np.ndarray], expected: np.ndarray
) -> float:
    largest = float(max(np.max(np.abs(array - expected)) for array in found))
    # Written so that NaN is an error too.
    if not largest <= TOLERANCE:
        raise ExportError(
            f"The {name} export differs from the Keras network by "
            f"{largest:.1e} in a probability, more than {TOLERANCE:.0e}; "
            f"nothing was written."
        )
    return largest


def _summary(
    run: TrainedRun, paths: dict[str, str], differences: dict[str, float]
) -> str:
    """Returns the content of export.json."""
    summary = {
        "genotype": run.network.genotype.to_dict(),
        "checkpoint": run.checkpoint,
        "dataset": run.preprocessing.dataset,
        "input": "float32 in 0..1 or uint8 in 0..255, RGB",
        "image_size": run.preprocessing.image_size,
        "num_classes": run.network.num_classes,
        "num_check_images": NUM_CHECK_IMAGES,
        "tolerance": TOLERANCE,
        "formats": {
            name: {"path": path, "max_difference": differences[name]}
            for name, path in paths.items()
        },
        "tensorflow": tf.__version__,
    }
    return json.dumps(summary, indent=2) + "\n"
