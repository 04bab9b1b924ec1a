"""Traced steps on disk, for the runs that would trace the same."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile

import tensorflow as tf

from maenas_tf.config import user_path
from maenas_tf.engine.console import say
from maenas_tf.engine.devices import is_default
from maenas_tf.engine.saved_step import SavedStep

AUTO = "auto"
OFF = "off"

_MOST_BYTES = 256 << 20
_SUFFIX = ".step"


class StepStore:
    """A folder of traced steps, by key; many processes may use it at once.

    What is in it may be lost at any time, and what cannot be written is not
    there: nothing here is an error for a run.

    Args:
        folder: made when a step is first kept.
        most_bytes: beyond which the steps go that were not used for longest.
    """

    def __init__(self, folder: pathlib.Path, most_bytes: int = _MOST_BYTES):
        self.folder = folder
        self.most_bytes = most_bytes

    def find(self, key: str) -> SavedStep | None:
        """Returns the step of a key; None where there is none, or half of it.

        Args:
            key: of letters and digits.
        """
        path = self._path(key)
        try:
            saved = SavedStep.from_bytes(path.read_bytes())
        except (OSError, ValueError):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return saved

    def keep(self, key: str, saved: SavedStep) -> None:
        """Puts a step in the place of what a key has had."""
        with contextlib.suppress(OSError):
            # What is in it is computed: others must not write there.
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=self.folder, suffix=_SUFFIX, delete=False
            ) as file:
                try:
                    file.write(saved.to_bytes())
                    file.close()
                    os.replace(file.name, self._path(key))
                except BaseException:
                    os.unlink(file.name)
                    raise
            self._make_room()

    def _path(self, key: str) -> pathlib.Path:
        return self.folder / f"{key}{_SUFFIX}"

    def _make_room(self) -> None:
        """Removes what was not used for longest; the last one stays."""
        found = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        left = self.most_bytes
        for number, (_, size, path) in enumerate(sorted(found, reverse=True)):
            left -= size
            if left < 0 and number:
                path.unlink(missing_ok=True)


def open_store(
    step_cache: str, strategy: tf.distribute.Strategy
) -> StepStore | None:
    """Returns where a setting has steps kept; None for nowhere.

    Args:
        step_cache: a folder, `AUTO` or `OFF`.
        strategy: of the steps. Those of replicas take numbers of their
            process for what they send, and are not kept.

    Raises:
        ConfigError: it is a URL, or in the home of nobody.
    """
    if step_cache == OFF:
        return None
    if not is_default(strategy):
        if step_cache != AUTO:
            say(
                f"note: --step_cache={step_cache} changes nothing, as steps "
                f"on replicas are not kept"
            )
        return None
    if step_cache != AUTO:
        return StepStore(user_path(step_cache))
    base = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    base = pathlib.Path(os.path.expanduser(base))
    # Without a home, or as the standard says of a path that is relative.
    return (
        StepStore(base / "maenas_tf" / "steps") if base.is_absolute() else None
    )
