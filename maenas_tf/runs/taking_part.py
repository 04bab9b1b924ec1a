"""Run directories where several workers make one run.

The chief has the run directory. Each other worker begins with a copy of it
that lasts as long as the process: what a run reads it finds there, and what
it writes there nobody misses. So the workers need no disk in common, and no
file is written twice.
"""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

import tensorflow as tf

from maenas_tf.config import (
    MULTI_WORKER,
    Config,
    ConfigError,
    WorkerSettings,
    user_path,
)
from maenas_tf.engine.cluster import Cluster, find_cluster
from maenas_tf.engine.multi_worker import (
    SECONDS_AFTER_MEETING,
    report_end,
    strategy_of,
)
from maenas_tf.engine.rendezvous import meet
from maenas_tf.engine.runtime import versions
from maenas_tf.engine.signals import WorkerLost
from maenas_tf.engine.workers import Workers
from maenas_tf.runs import files

# What no run reads.
_ONLY_WRITTEN = (files.LOCK, files.TENSORBOARD, files.PLOTS)
# What TensorFlow says of a collective operation when another worker ends.
_ENDED = "Collective ops is aborted by: "
_REPORTED = "Error reported from "


@contextlib.contextmanager
def taking_part(
    settings: WorkerSettings,
    run_dir: str | os.PathLike[str],
    facts: Mapping[str, Any] | None = None,
) -> Iterator[str | os.PathLike[str]]:
    """Yields the run directory of this process, for the length of a run.

    With --strategy=multi_worker all workers meet first. Who is not the chief
    gets a copy of the chief's, and says on stderr what it says.

    Args:
        settings: of the run; they have a `strategy`.
        run_dir: as the user names it.
        facts: what else all workers must be asked for alike.

    Raises:
        ConfigError: the workers do not meet, or another one has had bad
            input.
        WorkerLost: another one has ended otherwise.
    """
    if settings.strategy != MULTI_WORKER:
        yield run_dir
        return
    if not os.fspath(run_dir):
        raise ConfigError("--run_dir is empty; give a directory.")
    cluster, said = find_cluster(settings), contextlib.nullcontext()
    with contextlib.ExitStack() as stack:
        packed = meet(
            cluster,
            {**_facts(settings), **(facts or {})},
            settings.worker_timeout,
            lambda: _pack(user_path(run_dir)),
        )
        if not cluster.is_chief:
            name = f"maenas_worker_{cluster.index}_"
            copy = stack.enter_context(tempfile.TemporaryDirectory(prefix=name))
            _unpack(packed, copy)
            said = _said_of(copy, os.fspath(user_path(run_dir)))
            run_dir = copy
        strategy = strategy_of(settings, SECONDS_AFTER_MEETING)
        with _ends_told(cluster), said:
            yield run_dir
            # Nobody leaves before the chief has written everything.
            Workers(strategy).gather([0.0])


def _facts(settings: Config) -> dict[str, Any]:
    own = WorkerSettings.settings()
    wanted = {k: v for k, v in settings.to_dict().items() if k not in own}
    return {**wanted, **versions()}


def _pack(directory: pathlib.Path) -> bytes:
    """Returns the files of a run as an archive; empty where there is none."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", strict_timestamps=False) as archive:
        for path in sorted(directory.rglob("*")):
            place = path.relative_to(directory)
            if path.is_file() and not set(place.parts) & set(_ONLY_WRITTEN):
                archive.write(path, place)
    return content.getvalue()


def _unpack(packed: bytes, directory: str) -> None:
    # Whatever its names say, nothing is written outside of the directory.
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(directory)


class _Renaming(io.TextIOBase):
    """A stream that names a copy as what it is a copy of.

    Args:
        stream: takes the text.
        copy: a path.
        named: what it is called instead.
    """

    def __init__(self, stream: TextIO, copy: str, named: str):
        super().__init__()
        self._stream, self._copy, self._named = stream, copy, named

    def write(self, text: str) -> int:
        self._stream.write(text.replace(self._copy, self._named))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


@contextlib.contextmanager
def _said_of(copy: str, named: str) -> Iterator[None]:
    """Has all be said on stderr, and of the run directory as the user knows it.

    Args:
        copy: of the run directory, this worker's.
        named: the user's.
    """
    stream = _Renaming(sys.stderr, copy, named)
    try:
        with (
            contextlib.redirect_stderr(stream),
            contextlib.redirect_stdout(stream),
        ):
            yield
    except (ConfigError, OSError) as error:
        error.args = tuple(
            part.replace(copy, named) if isinstance(part, str) else part
            for part in error.args
        )
        if isinstance(error, OSError) and error.filename:
            file = os.fspath(error.filename)
            error.filename = file.replace(copy, named)
        raise


@contextlib.contextmanager
def _ends_told(cluster: Cluster) -> Iterator[None]:
    """Tells the others why this worker ends, and this one why they have."""
    try:
        yield
    except tf.errors.OpError as error:
        message = _reason(error, cluster)
        if message is None:
            report_end(f"{cluster.name(cluster.index)} has failed", False)
            raise
        if isinstance(error, tf.errors.InvalidArgumentError):
            raise ConfigError(message) from error
        raise WorkerLost(message) from error
    except (Exception, KeyboardInterrupt) as error:
        report_end(
            f"{cluster.name(cluster.index)} has ended: "
            f"{str(error) or type(error).__name__}",
            isinstance(error, (ConfigError, OSError)),
        )
        raise


def _reason(error: tf.errors.OpError, cluster: Cluster) -> str | None:
    """Returns why another worker has ended; None if none has."""
    _, found, text = error.message.partition(_ENDED)
    if not found:
        return None
    first = text.splitlines()[0]
    if first.startswith(_REPORTED) and "unhealthy" not in first:
        return first.removeprefix(_REPORTED).partition(": ")[2]
    return f"{cluster.others_in(text)} does not answer any more"
