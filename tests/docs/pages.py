"""What the pages tell people to type."""

from __future__ import annotations

import pathlib
import re
import shlex

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / "README.md"

_COMMAND = re.compile(r"python -m tools\.([a-z_]+)([^\n`]*)")
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_FLAG = re.compile(r"(?<![\w-])--(\w+)")
_RECIPE = re.compile(r"flags/recipes/\w+\.flags")


def pages() -> list[pathlib.Path]:
    """Returns what people read: the README, docs/ and recipes."""
    recipes = sorted((ROOT / "flags" / "recipes").glob("*.flags"))
    return [README, *sorted((ROOT / "docs").rglob("*.md")), *recipes]


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Returns tool and arguments of each command in a text."""
    # Recipes say what to type in comments.
    lines = [re.sub(r"^#+ ?", "", line) for line in text.splitlines()]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(tool, words(rest)) for tool, rest in _COMMAND.findall(joined)]


def words(arguments: str) -> list[str]:
    """Parts arguments as a shell does, which takes ; | & < > for its own."""
    lexer = shlex.shlex(arguments, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def named_flags(text: str) -> set[str]:
    """Returns the names of the flags that a page has in its sentences."""
    spans = (s for s in _CODE.findall(text) if s.startswith("--"))
    return {name for span in spans for name in _FLAG.findall(span)}


def named_recipes(text: str) -> set[str]:
    """Returns the paths of the recipes that a text names."""
    return set(_RECIPE.findall(text))
