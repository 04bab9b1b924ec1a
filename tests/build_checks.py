"""What the structure tests look for in the BUILD files.

A folder is one library, `glob(["*.py"])`; its deps are what the imports of
its modules say. `maenas_tf/registry.py`, which every room imports, is a target
of its own, beside the package that imports them all.
"""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import sys

from tests import structure_checks

REGISTRY = "//maenas_tf:registry"
# Declared by us, because the distribution forgets to.
UNDECLARED = {"@pypi//tensorflow_datasets": "@pypi//importlib_resources"}


def label_of_distribution(name: str) -> str:
    """Returns the label of a package of requirements.txt."""
    return "@pypi//" + re.sub(r"[-_.]+", "_", name).lower()


def requirement_labels(text: str) -> set[str]:
    """Returns the labels of the packages in a requirements file."""
    names = re.findall(r"^([A-Za-z0-9._-]+)", text, re.MULTILINE)
    return {label_of_distribution(name) for name in names}


@functools.cache
def installed() -> dict[str, list[str]]:
    """Returns the distributions behind each importable name."""
    found = importlib.metadata.packages_distributions()
    return {name: list(distributions) for name, distributions in found.items()}


def needs(module: str, source: str) -> set[str]:
    """Returns the labels of what a module imports."""
    found = set()
    names = [name for _, name in structure_checks.imports(module, source)]
    if module == "maenas_tf.__init__":
        # What it loads at first use stands there as text.
        names += re.findall(r'"(maenas_tf\.[\w.]+)"', source)
    for name in names:
        top, *rest = name.split(".")
        if top in sys.stdlib_module_names:
            continue
        if top == "maenas_tf":
            if rest[:1] == ["registry"]:
                found.add(REGISTRY)
            else:
                room = structure_checks.unit(name)
                inner = "" if room == "front" else f"/{room}"
                found.add(f"//maenas_tf{inner}")
        elif top in ("docs", "flags", "tools"):
            found.add(f"//{top}")
        elif top == "tests":
            # A folder of helpers, or a helper of the tests' own folder.
            is_folder = len(rest) > 1
            found.add(f"//tests/{rest[0]}" if is_folder else "//tests")
        else:
            providers = installed().get(top)
            name = providers[0] if providers else top
            found.add(label_of_distribution(name))
    return found | {UNDECLARED[x] for x in found & set(UNDECLARED)}


def listed(text: str) -> dict[str, set[str]]:
    """Returns the deps of each rule of a BUILD file, by the rule's name.

    Rules of a comprehension have the name of their kind.
    """
    found = {}
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not isinstance(
            node.func, ast.Name
        ):
            continue
        if not node.func.id.startswith("py_"):
            continue
        values = {word.arg: word.value for word in node.keywords}
        name = values["name"]
        key = name.value if isinstance(name, ast.Constant) else node.func.id
        deps = values.get("deps", ast.List(elts=[]))
        found[key] = set(ast.literal_eval(deps))
    return found


def folder_problems(
    folder: str, text: str, sources: dict[str, str], allowed: set[str]
) -> list[str]:
    """Compares a folder's BUILD file with the imports of its modules.

    Args:
        folder: "maenas_tf/ops".
        text: of its BUILD file, empty where there is none.
        sources: text by dotted name, of the folder's modules alone.
        allowed: labels of the packages in the requirements.
    """
    if not text:
        return [f"{folder}: has no BUILD file"]
    own = f"//{folder}"
    groups: dict[str, set[str]] = {}
    for module, source in sources.items():
        name = module.rpartition(".")[2]
        if module == "maenas_tf.registry":
            key = "registry"
        elif name.endswith("_test"):
            key = "py_test"
        elif folder == "tools" and name != "__init__":
            key = name if "__main__" in source else "tools"
        else:
            key = folder.rpartition("/")[2]
        groups.setdefault(key, set()).update(needs(module, source))
    problems = []
    rules = listed(text)
    for key, expected in groups.items():
        is_library = key == folder.rpartition("/")[2]
        expected = expected - ({own} if is_library else set())
        found = {
            f"//{folder}" if x == f":{folder.rpartition('/')[2]}" else x
            for x in rules.get(key, set())
        }
        found = {REGISTRY if x == ":registry" else x for x in found}
        # A test may lean on the helpers of its folder that it does not name.
        found -= set() if is_library else {own} - expected
        for label in sorted(expected - found):
            problems.append(f"{folder}/BUILD: {key} lacks {label}")
        for label in sorted(found - expected):
            problems.append(f"{folder}/BUILD: {key} does not need {label}")
        for label in sorted(found):
            if label.startswith("@pypi//") and label not in allowed:
                problems.append(
                    f"{folder}/BUILD: {key}: {label} is not required"
                )
    for name in sorted(set(rules) - set(groups)):
        problems.append(f"{folder}/BUILD: {name} has no module")
    return problems


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Returns a circle of labels that need each other, [] if there is none."""
    done: set[str] = set()

    def visit(label: str, path: list[str]) -> list[str]:
        if label in path:
            return [*path[path.index(label) :], label]
        if label in done:
            return []
        for other in sorted(graph.get(label, ())):
            found = visit(other, [*path, label])
            if found:
                return found
        done.add(label)
        return []

    for label in graph:
        found = visit(label, [])
        if found:
            return found
    return []
