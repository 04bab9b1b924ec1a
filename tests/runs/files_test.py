"""Tests of `maenas_tf.runs.files`."""

import ast
import pathlib

from maenas_tf.runs import files

ROOT = pathlib.Path(files.__file__).parents[1]
# Where a file's name has its home.
HOMES = ("runs/files.py", "config/file_names.py")


def texts(path):
    """Yields every constant text of a module, with its line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_a_file_of_a_run_directory_is_named_in_one_module():
    names = {
        value
        for value in vars(files).values()
        if isinstance(value, str) and pathlib.PurePath(value).suffix
    }
    assert {"config.json", "history.csv", "best.keras"} <= names
    modules = {
        path.relative_to(ROOT).as_posix(): path for path in ROOT.rglob("*.py")
    }
    assert [
        f"{module}:{line}: {text}"
        for module, path in modules.items()
        if module not in HOMES
        for line, text in texts(path)
        if text in names
    ] == []
