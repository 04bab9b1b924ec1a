"""The structure of the repository holds.

That each check can fail is shown in structure_checks_test.py and
build_checks_test.py.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest
from packaging import requirements, version

from tests import build_checks, structure_checks

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGES = ("docs", "flags", "maenas_tf", "tests", "tools")
TEXT = {".bazel", ".csv", ".flags", ".json", ".md", ".py", ".sh", ".toml"}
TEXT |= {".ipynb", ".txt", ".yml"}
NOT_OURS = {"runs", "build", "dist", "node_modules", "site"}


def modules(*packages: str) -> dict[str, str]:
    """Returns the text of our modules by dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text()
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def texts() -> dict[str, str]:
    """Returns our text files by path; hidden folders are not ours."""
    found = {}
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if name[0] != "." and name not in NOT_OURS and "bazel-" not in name
        ]
        for name in names:
            path = pathlib.Path(folder, name)
            if path.suffix in TEXT or name == "BUILD":
                found[str(path.relative_to(ROOT))] = path.read_text()
    return {**found, ".ci/run": (ROOT / ".ci" / "run").read_text()}


@pytest.mark.parametrize(
    "check",
    [
        structure_checks.arrow_problems,
        structure_checks.distribution_problems,
        structure_checks.banned_problems,
        structure_checks.length_problems,
    ],
)
def test_every_module_keeps_the_rules(check):
    sources = modules("flags", "maenas_tf", "tools")
    assert len(sources) > 5
    problems = [
        problem
        for module, source in sources.items()
        for problem in check(module, source)
    ]
    assert not problems, "\n".join(problems)


def test_no_file_names_a_path_of_one_machine():
    problems = [
        problem
        for path, text in texts().items()
        for problem in structure_checks.machine_problems(path, text)
    ]
    assert not problems, "\n".join(problems)


def requirement_labels(*files: str) -> set[str]:
    """Returns the labels of the packages that requirements files name."""
    return {
        label
        for file in files
        for label in build_checks.requirement_labels((ROOT / file).read_text())
    }


def folders() -> dict[str, dict[str, str]]:
    """Returns the text of our modules by dotted name, by folder."""
    found: dict[str, dict[str, str]] = {}
    for module, source in modules(*PACKAGES).items():
        folder = module.rpartition(".")[0].replace(".", "/")
        found.setdefault(folder, {})[module] = source
    return found


def test_every_build_file_agrees_with_its_folder():
    run = requirement_labels("requirements.txt", "requirements_ray.txt")
    test = run | requirement_labels("requirements_test.txt")
    problems = []
    for folder, sources in folders().items():
        path = ROOT / folder / "BUILD"
        problems += build_checks.folder_problems(
            folder,
            path.read_text() if path.exists() else "",
            sources,
            test if folder.split("/")[0] in ("docs", "tests") else run,
        )
    assert not problems, "\n".join(problems)


def test_no_library_needs_itself_in_a_circle():
    graph = {}
    for folder, sources in folders().items():
        for module, source in sources.items():
            if module.endswith("_test"):
                continue
            here = f"//{folder}"
            if module == "maenas_tf.registry":
                here = build_checks.REGISTRY
            found = build_checks.needs(module, source) - {here}
            graph.setdefault(here, set()).update(found)
    assert build_checks.cycle(graph) == []


def test_no_module_needs_itself_in_a_circle():
    sources = modules(*PACKAGES)
    graph = {}
    for module, source in sources.items():
        names = {name for _, name in structure_checks.imports(module, source)}
        # `from a import b` names the module a.b, or the module a.
        names |= {name.rpartition(".")[0] for name in names}
        names &= set(sources)
        graph[module] = names - {module}
    assert build_checks.cycle(graph) == []


def test_the_lock_satisfies_the_ranges():
    lock = (ROOT / "requirements_lock.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lock if "==" in line)
    pins = {name.replace("_", "-").lower(): pin for name, pin in pins.items()}
    for file in (
        "requirements.txt",
        "requirements_ray.txt",
        "requirements_test.txt",
    ):
        for line in (ROOT / file).read_text().splitlines():
            if line and not line.startswith("#"):
                wanted = requirements.Requirement(line)
                name = wanted.name.replace("_", "-").lower()
                assert wanted.specifier.contains(version.Version(pins[name])), (
                    f"{file}: {line}, but the lock has {pins[name]}"
                )


def test_buildifier_finds_nothing():
    command = find_buildifier()
    if not command:
        pytest.skip(
            "buildifier is not installed; docs/how_to/work_on_the_code.md says "
            "how to run it"
        )
    files = [
        path
        for path in texts()
        if path.endswith(".bazel") or path.rpartition("/")[2] == "BUILD"
    ]
    done = subprocess.run(
        [*command, "--lint=warn", "--mode=check", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def find_buildifier() -> list[str]:
    """Returns the command of an installed buildifier, [] if there is none."""
    found = shutil.which("buildifier")
    if found:
        return [found]
    if not shutil.which("npx"):
        return []
    command = ["npx", "--offline", "--yes", "@bazel/buildifier"]
    done = subprocess.run(
        [*command, "--version"], capture_output=True, check=False
    )
    return [] if done.returncode else command
