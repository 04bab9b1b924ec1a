"""What the structure tests look for in the text of one module.

Each check takes texts and returns sentences about what is wrong with them,
so that the tests can show it bad examples.
"""

from __future__ import annotations

import ast
import re

# Room to the rooms that it may import besides itself. A room stands below
# those that it imports; "front" is the package maenas_tf itself.
MAY_IMPORT = {
    "config": set(),
    "registry": {"config"},
}
MAY_IMPORT["spaces"] = {*MAY_IMPORT["registry"], "registry"}
# A place for jobs knows nothing of what they do.
MAY_IMPORT["executors"] = MAY_IMPORT["spaces"]
MAY_IMPORT["skeletons"] = {*MAY_IMPORT["spaces"], "spaces"}
MAY_IMPORT["ops"] = MAY_IMPORT["skeletons"]
MAY_IMPORT["models"] = {*MAY_IMPORT["ops"], "skeletons", "ops"}
MAY_IMPORT["data"] = MAY_IMPORT["spaces"]
MAY_IMPORT["tasks"] = {*MAY_IMPORT["models"], "models", "data"}
# A search is handed a loss, whatever task and data are behind it; a selection
# is handed scores, whatever network is.
MAY_IMPORT["algorithms"] = {*MAY_IMPORT["models"], "models"}
MAY_IMPORT["selection"] = {*MAY_IMPORT["skeletons"], "skeletons"}
MAY_IMPORT["scores"] = MAY_IMPORT["algorithms"]
MAY_IMPORT["engine"] = {*MAY_IMPORT["data"], "data", "ops"}
MAY_IMPORT["runs"] = {*MAY_IMPORT["engine"], "engine", "spaces"}
MAY_IMPORT["figures"] = MAY_IMPORT["skeletons"]
MAY_IMPORT["recording"] = {*MAY_IMPORT["runs"], "runs", "figures"}
MAY_IMPORT["training"] = {
    *MAY_IMPORT["tasks"],
    *MAY_IMPORT["recording"],
    "tasks",
    "recording",
}
MAY_IMPORT["searching"] = {
    *MAY_IMPORT["training"],
    "algorithms",
    "selection",
    "scores",
    "executors",
}
MAY_IMPORT["serving"] = {*MAY_IMPORT["training"], "training"}
MAY_IMPORT["detection"] = {*MAY_IMPORT["serving"], "serving"}
MAY_IMPORT["reports"] = {*MAY_IMPORT["figures"], "engine", "runs", "figures"}
MAY_IMPORT["correlation"] = {
    *MAY_IMPORT["searching"],
    "searching",
}
MAY_IMPORT["sweeps"] = MAY_IMPORT["correlation"]
MAY_IMPORT["timing"] = {*MAY_IMPORT["correlation"], "training", "reports"}
MAY_IMPORT["front"] = {
    *MAY_IMPORT["timing"],
    "executors",
    "serving",
    "detection",
    "correlation",
    "sweeps",
    "timing",
}
MAY_IMPORT["flags"] = {*MAY_IMPORT["front"], "front"}
MAY_IMPORT["tools"] = {*MAY_IMPORT["flags"], "flags"}

FRONT_MODULES = ("maenas_tf", "maenas_tf.api")
TENSORFLOW = {"tensorflow", "keras", "keras_cv", "tensorflow_datasets"}
WITHOUT_TENSORFLOW = (
    "registry",
    "config",
    "spaces",
    "skeletons",
    "selection",
    "executors",
)
# Statistics of the global batch cannot be had without the other replicas: this
# one module asks the replica context for all_reduce, and no layer does.
MAY_ALL_REDUCE = "maenas_tf.ops.replica"
ONE_MACHINE = re.compile(
    r"(?<![\w./~}-])/(?:home|root|tmp|Users|work)/\w|\b[A-Z]:\\\\?Users\\"
)


def imports(module: str, source: str) -> list[tuple[int, str]]:
    """Returns line and dotted name of each import, wherever it stands.

    `from a import b` is the name `a.b`. `module` is the dotted name of the
    module itself, a package's with `.__init__`.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            base += [node.module] if node.module else []
            found += [
                (node.lineno, ".".join([*base, alias.name]))
                for alias in node.names
            ]
    return found


def unit(name: str) -> str | None:
    """Returns the unit of a dotted name, None if it is not ours."""
    top, *rest = name.removesuffix(".__init__").split(".")
    if top in ("flags", "tools"):
        return top
    if top != "maenas_tf":
        return None
    inner = rest[0] if rest else ""
    return inner if inner in MAY_IMPORT else "front"


def arrow_problems(module: str, source: str) -> list[str]:
    """Finds imports that the table of units does not allow."""
    plain = module.removesuffix(".__init__")
    here = unit(module)
    if here == "front" and plain not in FRONT_MODULES:
        return [f"{module}: has no row in the table of imports"]
    problems = []
    for line, name in imports(module, source):
        there = unit(name)
        if there not in {None, here, *MAY_IMPORT[here]}:
            problems.append(f"{module}:{line}: {here} imports {name}")
        if here in WITHOUT_TENSORFLOW and name.split(".")[0] in TENSORFLOW:
            problems.append(f"{module}:{line}: {here} imports {name}")
        if f"{name}.".startswith("absl.flags.") and here not in (
            "flags",
            "tools",
        ):
            problems.append(f"{module}:{line}: absl.flags outside the door")
    return problems


def distribution_problems(module: str, source: str) -> list[str]:
    """Finds uses of `tf.distribute` outside of engine/."""
    if unit(module) == "engine" or module == MAY_ALL_REDUCE:
        return []
    lines = {
        line
        for line, name in imports(module, source)
        if re.match(r"tensorflow\.(\w+\.)*distribute\b", name)
    }
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "distribute":
            lines.add(node.lineno)
    return [f"{module}:{line}: tf.distribute" for line in sorted(lines)]


def banned_problems(module: str, source: str) -> list[str]:
    """Finds deepcopy, `import *`, bare except and assert."""
    problems = []
    for node in ast.walk(ast.parse(source)):
        what = ""
        if isinstance(node, ast.Assert):
            what = "assert; raise an error that teaches"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            what = "bare except; name the exception"
        elif isinstance(node, ast.alias) and node.name == "*":
            what = "import *; name what is imported"
        elif "deepcopy" in (
            getattr(node, "id", ""),
            getattr(node, "attr", ""),
            getattr(node, "name", ""),
        ):
            what = "deepcopy; build a new object"
        if what:
            problems.append(f"{module}:{node.lineno}: {what}")
    return problems


def length_problems(module: str, source: str) -> list[str]:
    """Finds tools of more than 80 lines."""
    length = len(source.splitlines())
    if unit(module) == "tools" and length > 80:
        return [f"{module}: {length} lines; the logic belongs in maenas_tf"]
    return []


def machine_problems(path: str, text: str) -> list[str]:
    """Finds paths that exist on one machine only."""
    return [
        f"{path}:{number}: {match.group()}... is a path of one machine"
        for number, line in enumerate(text.splitlines(), 1)
        for match in ONE_MACHINE.finditer(line)
    ]
