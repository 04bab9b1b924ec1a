"""What kind of run a directory holds."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from maenas_tf.runs import files
from maenas_tf.runs.kinds import kind_of


def kind_in(path: pathlib.Path) -> str | None:
    """Returns the kind of the run in a directory, None where there is none.

    Args:
        path: the directory. A file in it that cannot be read tells nothing.
    """
    settings, summary = (
        _read(path / name) for name in (files.CONFIG, files.SUMMARY)
    )
    return kind_of(settings, summary) if settings or summary else None


def _read(file: pathlib.Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
