"""Reads the run directories of searches, for reports."""

from __future__ import annotations

import collections
import functools
import glob
import itertools
import json
import os
import pathlib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.config import ConfigError, user_path
from maenas_tf.config.renewed import renewed
from maenas_tf.engine.console import say
from maenas_tf.runs import files
from maenas_tf.runs.csv_files import read_rows
from maenas_tf.runs.kinds import SEARCH, kind_of
from maenas_tf.runs.run_record import RunRecord
from maenas_tf.spaces import SPACES, Genotype

_PICTURES = (files.RECONSTRUCTIONS_PLOT,)
_WEIGHTS = "weights_"
# What a process keeps in its directory; a consensus has a summary alone.
_OF_A_PROCESS = {files.CONFIG, files.LOCK}
_OF_A_RUN = {*_OF_A_PROCESS, files.SUMMARY}


class NotUsable(Exception):
    """The directory holds no finished search; the message says why."""


def find_run_directories(patterns: Sequence[str]) -> list[pathlib.Path]:
    """Returns the run directories that are there or below.

    Args:
        patterns: directories, or patterns of such (*, ?).

    Raises:
        ConfigError: a pattern fits nothing, or none has a run below.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        fitting = sorted(glob.glob(os.fspath(user_path(pattern))))
        places = [path for path in fitting if os.path.isdir(path)]
        if not places:
            raise ConfigError(
                f"--runs={pattern} fits no directory; give run directories, "
                f"or one above them."
            )
        for place in places:
            for path, folders, names in os.walk(place):
                folders.sort()
                if _OF_A_RUN & set(names):
                    found[os.path.normpath(path)] = None
                if _OF_A_PROCESS & set(names):
                    folders.clear()  # Nothing below belongs to another run.
    if not found:
        raise ConfigError(
            f"--runs={','.join(patterns)} holds no run directory; give those "
            f"of python -m tools.search, or one above them."
        )
    return [pathlib.Path(path) for path in found]


def read_runs(
    patterns: Sequence[str], defaults: Mapping[str, Any]
) -> tuple[list[RunRecord], dict[str, str]]:
    """Reads every finished search.

    Args:
        patterns: as of `find_run_directories`.
        defaults: as of `read_run`.

    Returns:
        The runs, and of each directory that holds none the name and why.

    Raises:
        ConfigError: there is no run directory at all.
    """
    paths = find_run_directories(patterns)
    names = _names(paths)
    records, problems = [], {}
    for path in paths:
        try:
            records.append(read_run(path, names[path], defaults))
        except NotUsable as error:
            problems[names[path]] = str(error)
    return records, problems


def require_runs(
    patterns: Sequence[str], defaults: Mapping[str, Any]
) -> tuple[list[RunRecord], dict[str, str]]:
    """As `read_runs`, and says which directories hold no finished search.

    Raises:
        ConfigError: there is none at all.
    """
    records, problems = read_runs(patterns, defaults)
    for name, reason in problems.items():
        say(f"not used: {name}: {reason}")
    if not records:
        raise ConfigError(
            f"--runs={','.join(patterns)} holds no finished search; the lines "
            f"above say why."
        )
    return records, problems


def _names(paths: Sequence[pathlib.Path]) -> dict[pathlib.Path, str]:
    """Returns the shortest names that tell the directories apart.

    Of each the last part of its path, and as many before it as that takes.
    """
    endings: dict[pathlib.Path, list[str]] = {}
    for path in paths:
        parts = pathlib.Path(os.path.abspath(path)).parts
        endings[path] = [
            os.path.join(*parts[start:])
            for start in range(len(parts) - 1, -1, -1)
        ]
    counts = collections.Counter(itertools.chain(*endings.values()))
    return {
        path: next(name for name in names if counts[name] == 1)
        for path, names in endings.items()
    }


def read_run(
    path: pathlib.Path, name: str, defaults: Mapping[str, Any]
) -> RunRecord:
    """Reads one finished search.

    Args:
        path: its directory.
        name: in reports.
        defaults: setting to the value where an older run does not tell.

    Raises:
        NotUsable: it is not finished, no search, or cannot be read.
    """
    settings, summary = (
        _read(path, file, _read_json) if (path / file).exists() else {}
        for file in (files.CONFIG, files.SUMMARY)
    )
    kind = kind_of(settings, summary)
    if kind != SEARCH:
        raise NotUsable(f"a {kind}, no search")
    if not settings:
        raise _missing(files.CONFIG)
    restarts = settings.get("restarts", 1)
    if restarts > 1 and not summary:
        done = len([*path.glob(f"{files.restart('*')}/{files.SUMMARY}")])
        raise NotUsable(f"not finished: {done} of {restarts} restarts")
    # Where nothing was trained there is no history.
    rows = []
    if summary.get("steps") != 0 or (path / files.HISTORY).exists():
        rows = _read(path, files.HISTORY, _read_rows)
    if not summary:
        epochs = settings.get("epochs", "?")
        raise NotUsable(f"not finished: {len(rows)} of {epochs} epochs")
    genotype = _read(path, files.GENOTYPE, _read_genotype)
    weights = {}
    if (path / files.ALPHAS).exists():
        read_weights = functools.partial(_read_weights, genotype=genotype)
        weights = _read(path, files.ALPHAS, read_weights)
    # A mean of restarts has none of its own; each restart saw the same images.
    shown = path if restarts == 1 else path / files.restart(restarts - 1)
    pictures = {
        pathlib.PurePath(file).name: _read(shown, file, _read_png)
        for file in _PICTURES
        if (shown / file).exists()
    }
    return RunRecord(
        name,
        {**defaults, **renewed(settings)},
        genotype,
        rows,
        weights,
        summary,
        pictures,
    )


def _missing(name: str) -> NotUsable:
    return NotUsable(f"it holds no {name}: not begun, or broken")


def _read(
    path: pathlib.Path, name: str, read: Callable[[pathlib.Path], Any]
) -> Any:
    """Reads a file of a run directory.

    Raises:
        NotUsable: it is not there, or cannot be read.
    """
    try:
        return read(path / name)
    except FileNotFoundError as error:
        raise _missing(name) from error
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise NotUsable(f"its {name} cannot be read ({error})") from error


def _read_json(file: pathlib.Path) -> dict[str, Any]:
    values = json.loads(file.read_text())
    if not isinstance(values, dict):
        raise ValueError("it is no JSON object")
    return values


def _read_rows(file: pathlib.Path) -> list[dict[str, str]]:
    rows = read_rows(file)
    if not rows or "epoch" not in rows[0]:
        raise ValueError("it has no row of an epoch")
    return rows


def _read_weights(
    file: pathlib.Path, genotype: Genotype
) -> dict[str, np.ndarray]:
    """Returns the stacks that fit the cell types of the genotype."""
    with np.load(file) as arrays:
        found = {
            kind: arrays[f"{_WEIGHTS}{kind}"]
            for kind in genotype.cells
            if f"{_WEIGHTS}{kind}" in arrays
        }
    for kind, stack in found.items():
        cell_type = SPACES.get(genotype.space).cell_type(kind)
        shape = (cell_type.num_edges, cell_type.max_primitives)
        if stack.ndim != 3 or not len(stack) or stack.shape[1:] != shape:
            raise ValueError(f"{_WEIGHTS}{kind} has shape {stack.shape}")
        if not (stack >= 0).all():
            raise ValueError(f"{_WEIGHTS}{kind} has values that are no weights")
    return found


def _read_genotype(file: pathlib.Path) -> Genotype:
    return Genotype.from_json(file.read_text())


def _read_png(file: pathlib.Path) -> bytes:
    content = file.read_bytes()
    if not content.startswith(b"\x89PNG"):
        raise ValueError("it is no PNG")
    return content
