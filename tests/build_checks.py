"""What the structure tests look for in the BUILD files.

It shares no code with tools.build_files, which writes them: two independent
readings of the imports have to agree.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib.metadata
import re
import sys

from tests import structure_checks

RUNNER = "//tests:run_pytest.py"
# Declared by us, because the distribution forgets to.
UNDECLARED = {"@pypi//tensorflow_datasets": "@pypi//importlib_resources"}


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule of a BUILD file, its labels in the full form."""

    kind: str
    name: str
    sources: tuple[str, ...]
    needs: frozenset[str]
    main: str
    arguments: tuple[str, ...]


def full_label(label: str, folder: str) -> str:
    """Returns //package:target for a label that stands in `folder`/BUILD."""
    if label.startswith("@"):
        return label
    if not label.startswith("//"):
        return f"//{folder}:{label.removeprefix(':')}"
    if ":" not in label:
        return f"{label}:{label.rpartition('/')[2]}"
    return label


def parse(text: str, folder: str) -> tuple[set[str], list[Rule]]:
    """Returns the loaded symbols and the py_* rules of a BUILD file."""
    loaded, rules = set(), []
    for statement in ast.parse(text).body:
        call = statement.value
        if call.func.id == "load":
            loaded |= {argument.value for argument in call.args[1:]}
        if not call.func.id.startswith("py_"):
            continue
        values = {
            word.arg: ast.literal_eval(word.value) for word in call.keywords
        }
        rules.append(
            Rule(
                kind=call.func.id,
                name=values["name"],
                sources=tuple(
                    full_label(source, folder) for source in values["srcs"]
                ),
                needs=frozenset(
                    full_label(label, folder)
                    for label in values.get("deps", ())
                ),
                main=full_label(values.get("main", ""), folder),
                arguments=tuple(values.get("args", ())),
            )
        )
    return loaded, rules


@functools.cache
def installed() -> dict[str, str]:
    """Returns the distribution behind each importable name."""
    providers = importlib.metadata.packages_distributions()
    return {name.strip("/"): found[0] for name, found in providers.items()}


def pip_label(name: str) -> str:
    """Returns the label of the installed distribution behind an import."""
    top = name.split(".")[0]
    distribution = installed().get(top, top)
    return "@pypi//" + re.sub(r"[-_.]+", "_", distribution).lower()


def module_label(module: str) -> str:
    """Returns the label of one of our modules, given by its dotted name."""
    *folder, name = module.removesuffix(".__init__").split(".")
    if module.endswith(".__init__"):
        folder.append(name)
    return f"//{'/'.join(folder)}:{name}"


def expected_needs(module: str, sources: dict[str, str]) -> set[str]:
    """Returns the labels that the imports of `module` call for.

    Args:
        module: dotted name, a package's with `.__init__`.
        sources: text of each of our modules by its dotted name.
    """
    needs = set()
    for name in runtime_imports(module, sources[module]):
        if name.split(".")[0] in sys.stdlib_module_names:
            continue
        prefixes = [name]
        while "." in prefixes[-1]:
            prefixes.append(prefixes[-1].rpartition(".")[0])
        ours = [
            candidate
            for prefix in prefixes
            for candidate in (prefix, f"{prefix}.__init__")
            if candidate in sources
        ]
        needs.add(module_label(ours[0]) if ours else pip_label(name))
    if module.endswith("_test"):
        needs.add("@pypi//pytest")
        parts = module.split(".")[:-1]
        for length in range(1, len(parts) + 1):
            conftest = ".".join([*parts[:length], "conftest"])
            if conftest in sources:
                needs.add(module_label(conftest))
    needs |= {UNDECLARED[label] for label in needs & UNDECLARED.keys()}
    return needs - {module_label(module)}


def runtime_imports(module: str, source: str) -> set[str]:
    """Returns the imported names without those for type checkers only."""
    checked = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If) and ast.unparse(node.test) in (
            "TYPE_CHECKING",
            "typing.TYPE_CHECKING",
        ):
            for statement in node.body:
                checked |= set(
                    range(statement.lineno, statement.end_lineno + 1)
                )
    return {
        name
        for line, name in structure_checks.imports(module, source)
        if line not in checked
    }


def file_problems(
    folder: str, text: str, sources: dict[str, str], allowed: set[str]
) -> list[str]:
    """Compares one BUILD file with the modules beside it.

    Args:
        folder: where it stands, as in "maenas_tf/ops".
        text: the BUILD file.
        sources: text of each of our modules by its dotted name.
        allowed: pip labels that requirements.txt provides (for a folder of
            tests, requirements_test.txt too).
    """
    loaded, rules = parse(text, folder)
    package = folder.replace("/", ".")
    beside = {
        f"//{folder}:{module.rpartition('.')[2]}.py": module
        for module in sources
        if module.rpartition(".")[0] == package
    }
    problems = []
    if loaded != {rule.kind for rule in rules}:
        problems.append(f"{folder}/BUILD loads {sorted(loaded)}")
    listed = []
    for rule in rules:
        where = f"{folder}/BUILD: {rule.name}"
        own = [
            source
            for source in rule.sources
            if source != RUNNER or len(rule.sources) == 1
        ]
        listed += own
        if len(own) != 1 or own[0] not in beside:
            problems.append(f"{where}: no module for srcs {rule.sources}")
            continue
        module = beside[own[0]]
        needs = expected_needs(module, sources)
        problems += [
            f"{where}: {label} is imported and not in deps"
            for label in sorted(needs - rule.needs)
        ]
        problems += [
            f"{where}: {label} is in deps and not imported"
            for label in sorted(rule.needs - needs)
        ]
        problems += [
            f"{where}: {label} is not in the requirements"
            for label in sorted(rule.needs)
            if label.startswith("@") and label not in allowed
        ]
        problems += kind_problems(where, rule, module, sources[module])
    if sorted(listed) != sorted(beside):
        problems.append(f"{folder}/BUILD: srcs {listed}, files {list(beside)}")
    return problems


def kind_problems(
    where: str, rule: Rule, module: str, source: str
) -> list[str]:
    """Checks that a module has the right kind of rule, rightly named."""
    kind = "py_library"
    if module.endswith("_test"):
        kind = "py_test"
    elif module.startswith("tools.") and re.search(
        r"^if __name__ ==", source, re.MULTILINE
    ):
        kind = "py_binary"
    problems = []
    if rule.kind != kind:
        problems.append(f"{where}: is a {rule.kind}, should be a {kind}")
    if module_label(module).rpartition(":")[2] != rule.name:
        problems.append(f"{where}: is not named as its module {module}")
    if kind == "py_test":
        argument = f"$(rootpath {rule.name}.py)"
        if rule.main != RUNNER or RUNNER not in rule.sources:
            problems.append(f"{where}: pytest is not what runs it")
        if rule.arguments != (argument,):
            problems.append(f"{where}: args are not [{argument!r}]")
    return problems


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Returns the nodes of one cycle of a graph, [] if it has none."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for following in sorted(graph.get(node, ())):
            found = walk(following, [*path, node])
            if found:
                return found
        done.add(node)
        return []

    for node in sorted(graph):
        found = walk(node, [])
        if found:
            return found
    return []


def requirement_labels(text: str) -> set[str]:
    """Returns the pip labels of the packages that a requirements file names."""
    names = re.findall(r"^([A-Za-z0-9][\w.-]*)", text, re.MULTILINE)
    return {"@pypi//" + re.sub(r"[-_.]+", "_", name).lower() for name in names}
