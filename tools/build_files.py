"""Writes or checks the BUILD files: one rule for each Python module.

    python -m tools.build_files [--write]

Without --write it exits with 2 if a file is not what it would write.
"""

from __future__ import annotations

import pathlib
import sys

from absl import app, flags

from tools import build_labels, build_rules

WRITE = flags.DEFINE_bool("write", False, "Write the BUILD files.")
ROOT = pathlib.Path(__file__).resolve().parents[1]


def wrong_files(root: pathlib.Path) -> dict[pathlib.Path, str]:
    """Returns the BUILD files to change, with the text that they should have.

    An empty text means that the file should not be there.
    """
    found, wanted = {}, {}
    for package in build_labels.PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.name == "BUILD":
                found[path] = path.read_text()
            elif path.suffix == ".py":
                wanted[path.parent / "BUILD"] = ""
    for path in wanted:
        wanted[path] = build_rules.build_text(path.parent, root)
    for path in found:
        wanted.setdefault(path, "")
    return {
        path: text
        for path, text in wanted.items()
        if found.get(path, "") != text
    }


def run(root: pathlib.Path, write: bool) -> int:
    """Checks or writes the BUILD files under `root`; returns the exit code."""
    try:
        wrong = wrong_files(root)
    except (SyntaxError, ValueError) as error:
        print(f"BUILD files cannot be made: {error}.", file=sys.stderr)
        return 2
    names = ", ".join(str(path.relative_to(root)) for path in wrong)
    if wrong and not write:
        print(
            f"Out of date: {names}; run python -m tools.build_files --write.",
            file=sys.stderr,
        )
        return 2
    for path, text in wrong.items():
        if text:
            path.write_text(text)
        else:
            path.unlink()
    print(f"Written: {names}" if wrong else "The BUILD files are up to date.")
    return 0


def main(argv: list[str]) -> int:
    """Runs the tool."""
    if len(argv) > 1:
        raise app.UsageError(f"Unknown argument {argv[1]!r}.")
    return run(ROOT, WRITE.value)


if __name__ == "__main__":
    app.run(main)
