"""Another state of the project, out of its git repository."""

from __future__ import annotations

import contextlib
import io
import pathlib
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator

from maenas_tf.config import ConfigError

ROOT = pathlib.Path(__file__).parents[2]
# What is imported to time a case.
_PACKAGE = "maenas_tf"
_SHOWN = 12


def present_commit(root: pathlib.Path = ROOT) -> str:
    """Returns the commit checked out, short, "+" where files differ from it.

    Args:
        root: where the package lies.

    Returns:
        "" where that is no checkout.
    """
    try:
        _check_root(root, "")
        commit = _git(root, "rev-parse", f"--short={_SHOWN}", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", _PACKAGE)
    except ConfigError:
        return ""
    return commit + ("+" if changed else "")


def find_commit(revision: str, flag: str, root: pathlib.Path = ROOT) -> str:
    """Returns the hash that a revision names: a hash, branch, tag, HEAD~2.

    Args:
        revision: as git understands it.
        flag: with its value, for messages.
        root: where the package lies.

    Raises:
        ConfigError: the package is not run from a checkout, or there is no
            such commit.
    """
    _check_root(root, flag)
    try:
        return _git(
            root,
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            f"{revision}^{{commit}}",
        )
    except ConfigError as error:
        raise ConfigError(
            f"{flag} names no commit of the checkout {root}; `git log` lists "
            f"them."
        ) from error


@contextlib.contextmanager
def checked_out(commit: str, root: pathlib.Path = ROOT) -> Iterator[str]:
    """Lays the package of a commit into a directory of its own.

    It lasts for the length of a `with` block, however that ends, and the
    repository knows nothing of it.

    Args:
        commit: its hash.
        root: where the package lies.

    Yields:
        What PYTHONPATH has to be to import it.

    Raises:
        ConfigError: it holds no such package.
    """
    with tempfile.TemporaryDirectory(prefix="maenas_tf_commit_") as directory:
        archive = _run(root, "archive", "--format=tar", commit, _PACKAGE)
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            # Python 3.11 has filters from 3.11.4 on; the archive is git's own.
            safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            files.extractall(directory, **safe)
        yield directory


def _check_root(root: pathlib.Path, flag: str) -> None:
    """Raises ConfigError unless a checkout begins at `root`."""
    try:
        top = _git(root, "rev-parse", "--show-toplevel")
    except ConfigError:
        top = ""
    if not top or pathlib.Path(top).resolve() != root.resolve():
        raise ConfigError(
            f"{flag} needs the project's git repository, and {root} is no "
            f"checkout of one; clone it and give the command there."
        )


def _git(root: pathlib.Path, *arguments: str) -> str:
    return _run(root, *arguments).decode(errors="replace").strip()


def _run(root: pathlib.Path, *arguments: str) -> bytes:
    """Returns what git prints.

    Raises:
        ConfigError: it is not there, or fails.
    """
    try:
        done = subprocess.run(
            ["git", "-C", root, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
    except FileNotFoundError as error:
        raise ConfigError(
            "git is not installed, which finds the commits; install it."
        ) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise ConfigError(
            f"git {' '.join(arguments)} failed ({said}); see to it that it "
            f"works in {root}."
        ) from error
    return done.stdout
