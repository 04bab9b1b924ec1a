"""Pages that are made of what they describe, so that they never go stale.

MkDocs calls `on_config` and `on_files`. Flags come from `--helpxml` of each
tool, recipes from their headers, results from results/.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = pathlib.Path(__file__).resolve().parents[1]
_RESULTS = ("*.md", "*/*.png")


@dataclasses.dataclass(frozen=True)
class Flag:
    """A flag as --helpxml shows it.

    Attributes:
        name: without dashes.
        kind: "string", "bool", ...
        default: as text; empty where there is none.
        meaning: its help.
    """

    name: str
    kind: str
    default: str
    meaning: str


@dataclasses.dataclass(frozen=True)
class Tool:
    """A tool's own account of itself.

    Attributes:
        usage: its docstring, which is Markdown.
        flags: its own, as --helpshort shows them.
    """

    usage: str
    flags: tuple[Flag, ...]


def tool_names() -> list[str]:
    """Returns the tools: the modules of tools/ that can be run."""
    return sorted(
        path.stem
        for path in (ROOT / "tools").glob("*.py")
        if "__main__" in path.read_text()
    )


def read_tool(name: str) -> Tool:
    """Asks a tool, in a process of its own, for its usage and flags.

    Raises:
        RuntimeError: it did not answer.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"tools.{name}", "--helpxml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    # absl ends with 1 after any kind of help.
    if not done.stdout.startswith("<?xml"):
        raise RuntimeError(f"tools.{name} --helpxml failed: {done.stderr}")
    tree = ElementTree.fromstring(done.stdout)
    flags = (
        Flag(
            *(
                flag.findtext(tag) or ""
                for tag in ("name", "type", "default", "meaning")
            )
        )
        for flag in tree.iter("flag")
        if flag.findtext("key") == "yes"
    )
    by_name = sorted(flags, key=lambda flag: flag.name)
    return Tool(tree.findtext("usage"), tuple(by_name))


def read_tools() -> dict[str, Tool]:
    """Returns what all tools say about themselves, by name."""
    names = tool_names()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return dict(zip(names, pool.map(read_tool, names), strict=True))


def _cell(text: str) -> str:
    """Returns text for a cell of a table, with nothing that is markup."""
    for character in "\\`*_<>[]|":
        text = text.replace(character, f"\\{character}")
    return text.replace("\n", " ")


def tool_page(name: str, tool: Tool) -> str:
    """Returns the page of a tool: usage, then a table of its flags."""
    rows = [
        f"| `--{flag.name}` | {flag.kind} | "
        f"{f'`{flag.default}`' if flag.default else ''} | "
        f"{_cell(flag.meaning)} |"
        for flag in tool.flags
    ]
    table = ["| flag | kind | default | meaning |", "|---|---|---|---|", *rows]
    return f"# tools.{name}\n\n{tool.usage}\n\n## Flags\n\n" + "\n".join(table)


def recipes_page() -> str:
    """Returns the page of all recipes: their headers, then their flags."""
    parts = [
        "# Recipes\n\nA recipe is a file of flags in `flags/recipes/`. Flags "
        "that stand after `--flagfile=` on the command line win over it.\n"
    ]
    for path in sorted((ROOT / "flags" / "recipes").glob("*.flags")):
        text = path.read_text()
        parts.append(f"## {path.stem}\n\n```sh\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


def _section(nav: list[Any], title: str) -> list[Any]:
    """Returns the list of pages below a title of the table of contents."""
    return next(
        item[title] for item in nav if isinstance(item, dict) and title in item
    )


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds tools and results to the table of contents."""
    tools = _section(_section(config.nav, "Reference"), "Tools and flags")
    tools += [{name: f"reference/tools/{name}.md"} for name in tool_names()]
    results = _section(config.nav, "What was measured")
    named = [
        path
        for item in results
        if isinstance(item, dict)
        for path in item.values()
    ]
    for path in sorted((ROOT / "results").glob("*.md")):
        if f"results/{path.name}" not in named:
            results.append(f"results/{path.name}")
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made; MkDocs calls it with those of docs/."""
    pages = {"reference/recipes.md": recipes_page()}
    for name, tool in read_tools().items():
        pages[f"reference/tools/{name}.md"] = tool_page(name, tool)
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    results = ROOT / "results"
    for pattern in _RESULTS:
        for path in sorted(results.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            made = File.generated(config, name, abs_src_path=str(path))
            files.append(made)
    return files
