"""In which order flags and files of flags may stand."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags


def check_order(arguments: Sequence[str]) -> None:
    """Checks that no file of flags undoes a flag that stands before it.

    absl lets what stands last win, so that a recipe would silently undo what
    was asked for.

    Args:
        arguments: that have been read, without the program's name.

    Raises:
        flags.Error: one does, and the flag is not given again behind it.
    """
    for end, argument in enumerate(arguments):
        name, _, value = argument.lstrip("-").partition("=")
        if name != "flagfile" or not argument.startswith("-"):
            continue
        file = [argument] if value else list(arguments[end : end + 2])
        inside = _settings(flags.FLAGS.read_flags_from_files(file))
        after = _settings(arguments[end + len(file) :])
        for name, given in _settings(arguments[:end]).items():
            undone = inside.get(name, given)
            if undone != given and name not in after:
                raise flags.Error(
                    f"{given} stands before {' '.join(file)}, which sets "
                    f"{undone}, and what stands last wins; give --flagfile "
                    f"first."
                )


def _settings(arguments: Sequence[str]) -> dict[str, str]:
    """Returns the flags that arguments set, each as --name=value."""
    found = {}
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if name not in flags.FLAGS:
            name = name.removeprefix("no")
        if name not in flags.FLAGS or name == "flagfile":
            continue
        flag = flags.FLAGS[name]
        if flag.boolean:
            found[name] = f"--{word.lstrip('-')}"
        elif not isinstance(flag, flags.MultiFlag):
            found[name] = f"--{name}={value if equals else next(words, '')}"
    return found
