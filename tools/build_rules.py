"""The text of a BUILD file (for tools.build_files)."""

from __future__ import annotations

import pathlib

from tools import build_labels

HEADER = "# Written by `python -m tools.build_files --write`; do not edit.\n"
# The main program of every py_test, so that plain functions are tests too.
RUNNER = "run_pytest.py"


def list_attribute(name: str, items: list[str]) -> str:
    """Returns an attribute that is a list of strings, "" if it is empty."""
    if len(items) < 2:
        return "".join(f'    {name} = ["{item}"],\n' for item in items)
    lines = "".join(f'        "{item}",\n' for item in items)
    return f"    {name} = [\n{lines}    ],\n"


def shorten(label: str, folder: str) -> str:
    """Returns the shortest form of a label as seen from `folder`."""
    package, _, target = label.partition(":")
    if package == f"//{folder}":
        return f":{target}"
    return package if package.endswith(f"/{target}") else label


def rule_text(path: pathlib.Path, root: pathlib.Path) -> str:
    """Returns the rule of the module at `path`: library, tool or test."""
    folder = path.parent.relative_to(root)
    name = folder.name if path.stem == "__init__" else path.stem
    kind, sources, main = "py_library", [path.name], ""
    if path.name.endswith("_test.py"):
        kind = "py_test"
        local = str(folder) == "tests"
        runner = RUNNER if local else f"//tests:{RUNNER}"
        sources = sorted([path.name, runner], key=lambda it: (it[0] == "/", it))
        main = list_attribute("args", [f"$(rootpath {path.name})"])
        main += f'    main = "{runner}",\n'
    elif str(folder) == "tools" and "\nif __name__ ==" in path.read_text():
        kind = "py_binary"
    needs = build_labels.dependencies(path, root) - {f"//{folder}:{name}"}
    needs = [shorten(label, str(folder)) for label in needs]
    needs.sort(key=lambda it: (it[0] != ":", it.replace(":", ".").split(".")))
    return (
        f'{kind}(\n    name = "{name}",\n{list_attribute("srcs", sources)}'
        f"{main}{list_attribute('deps', needs)})\n"
    )


def build_text(folder: pathlib.Path, root: pathlib.Path) -> str:
    """Returns the BUILD file of a folder that holds Python modules.

    Raises:
        ValueError: a module is named as its folder, whose name stands for
            `__init__.py`, or imports what is not there.
    """
    if (folder / f"{folder.name}.py").exists():
        raise ValueError(
            f"{folder.name}.py is named as its folder; choose another name"
        )
    rules = [rule_text(path, root) for path in sorted(folder.glob("*.py"))]
    kinds = sorted({rule.partition("(")[0] for rule in rules})
    symbols = ", ".join(f'"{kind}"' for kind in kinds)
    load = f'load("@rules_python//python:defs.bzl", {symbols})\n'
    package = 'package(default_visibility = ["//:__subpackages__"])\n'
    if folder.relative_to(root).parts[0] == "tests":
        package = (
            "package(\n    default_testonly = True,\n"
            '    default_visibility = ["//:__subpackages__"],\n)\n'
        )
    exports = []
    if (folder / RUNNER).exists():
        exports = [f'exports_files(["{RUNNER}"])\n']
    return "\n".join([HEADER + "\n" + load, package, *exports, *rules])
