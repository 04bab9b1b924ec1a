"""In which order flags and files of flags may stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from absl import flags


def check_order(
    arguments: Sequence[str], known: flags.FlagValues = flags.FLAGS
) -> None:
    """Checks that no file of flags undoes a flag that stands before it.

    absl lets what stands last win, so that a recipe would silently undo what
    was asked for.

    Args:
        arguments: that have been read, without the program's name.
        known: the flags that there are.

    Raises:
        flags.Error: one does, and the flag is not given again behind it.
    """
    for end, argument in enumerate(arguments):
        name, _, value = argument.lstrip("-").partition("=")
        if name != "flagfile" or not argument.startswith("-"):
            continue
        file = [argument] if value else list(arguments[end : end + 2])
        inside = _settings(known.read_flags_from_files(file), known)
        after = _settings(arguments[end + len(file) :], known)
        for name, (given, value) in _settings(arguments[:end], known).items():
            words, undone = inside.get(name, (given, value))
            if undone != value and name not in after:
                raise flags.Error(
                    f"{given} stands before {' '.join(file)}, which sets "
                    f"{words}, and what stands last wins; give --flagfile "
                    f"first."
                )


def _settings(
    arguments: Sequence[str], known: flags.FlagValues
) -> dict[str, tuple[str, Any]]:
    """Returns the flags that arguments set: each in words, and its value."""
    found = {}
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if name not in known:
            name, equals, value = name.removeprefix("no"), "=", "false"
        if name not in known or name == "flagfile":
            continue
        flag = known[name]
        if not equals:
            value = "true" if flag.boolean else next(words, "")
        found[name] = f"--{name}={value}", flag.parser.parse(value)
    return found
