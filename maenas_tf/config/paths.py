"""Paths as users write them."""

from __future__ import annotations

import os
import pathlib
import re

from maenas_tf.config.base import ConfigError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def user_path(path: str | os.PathLike[str]) -> pathlib.Path:
    """Returns the path that a user means, whose ~ is a home directory.

    A shell replaces it at the beginning of a word only, not in --name=~/x.

    Args:
        path: "~", "~/x", "~someone/x", or any other, which is kept.

    Raises:
        ConfigError: there is no such home, or it is a URL.
    """
    if _URL.match(os.fspath(path)):
        raise ConfigError(
            f"{os.fspath(path)} is a URL, and files are read and written "
            f"under paths alone; give one, such as that at which a bucket is "
            f"mounted."
        )
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise ConfigError(
            f"{expanded} begins with ~, and there is no such user with a home "
            f"directory; for a file or directory of that name write "
            f"./{expanded}."
        )
    return pathlib.Path(expanded)
