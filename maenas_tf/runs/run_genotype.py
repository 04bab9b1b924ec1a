"""Which genotype a training trains."""

from __future__ import annotations

import contextlib
import os
import pathlib

from maenas_tf.config import ConfigError, user_path
from maenas_tf.runs import files
from maenas_tf.spaces import Genotype, load_genotype


def find_genotype(source: str, run_dir: str | os.PathLike[str]) -> Genotype:
    """Returns the genotype asked for, or a resumed run's own.

    Raises:
        ConfigError: there is no such genotype; near names are in the message.
    """
    try:
        return load_genotype(source)
    except ValueError as error:
        # The search's directory may be gone; this run knows what it trains.
        stored = user_path(run_dir) / files.GENOTYPE
        if (stored.parent / files.PREPROCESSING).is_file():
            with contextlib.suppress(ValueError):
                return load_genotype(stored)
        raise ConfigError(f"--genotype: {error}") from error


def check_stored(genotype: Genotype, path: pathlib.Path) -> None:
    """Raises ConfigError if a run is there that trains another genotype."""
    stored = path / files.GENOTYPE
    if not (path / files.CONFIG).is_file() or not stored.is_file():
        return
    try:
        there = load_genotype(stored)
    except ValueError as error:
        raise ConfigError(f"--run_dir={path}: {error}") from error
    if there != genotype:
        raise ConfigError(
            f"--run_dir={path} trains another genotype than --genotype "
            f"names now ({there}, not {genotype}); give another directory."
        )
