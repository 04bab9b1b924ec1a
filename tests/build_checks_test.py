"""Each check of the BUILD files refuses bad examples and passes good ones."""

from __future__ import annotations

import pytest

from tests import build_checks

SOURCES = {
    "maenas_tf.ops.__init__": "",
    "maenas_tf.ops.mixed": "import os\nimport keras\nfrom . import other",
    "maenas_tf.ops.other": "",
}
BUILD = """
load("@rules_python//python:defs.bzl", "py_library")
py_library(name = "ops", srcs = ["__init__.py"])
py_library(
    name = "mixed",
    srcs = ["mixed.py"],
    deps = [":other", "@pypi//keras"],
)
py_library(name = "other", srcs = ["other.py"])
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        (', "@pypi//keras"', ""),
        ('":other", ', ""),
        (":other", "//maenas_tf/ops:third"),
        ('"@pypi//keras"', '"@pypi//keras", "@pypi//numpy"'),
        ('py_library(name = "other", srcs = ["other.py"])', ""),
        ('srcs = ["other.py"]', 'srcs = ["gone.py"]'),
        ('name = "other"', 'name = "others"'),
        ('"py_library")', '"py_library", "py_test")'),
        ('py_library(name = "other"', 'py_test(name = "other"'),
    ],
)
def test_a_wrong_build_file_is_found(old, new):
    text = BUILD.replace(old, new) if old else BUILD
    found = build_checks.file_problems(
        "maenas_tf/ops", text, SOURCES, {"@pypi//keras"}
    )
    assert bool(found) == bool(old), found


def test_a_package_outside_the_requirements_is_found():
    found = build_checks.file_problems("maenas_tf/ops", BUILD, SOURCES, set())
    assert found == [
        "maenas_tf/ops/BUILD: mixed: @pypi//keras is not in the requirements"
    ]


def test_a_test_that_pytest_does_not_run_is_found():
    sources = {"tests.a_test": "import PIL", "tests.conftest": ""}
    text = """
load("@rules_python//python:defs.bzl", "py_library", "py_test")
py_library(name = "conftest", srcs = ["conftest.py"])
py_test(
    name = "a_test",
    srcs = ["a_test.py", "run_pytest.py"],
    args = ["$(rootpath a_test.py)"],
    main = "run_pytest.py",
    deps = [":conftest", "@pypi//pillow", "@pypi//pytest"],
)
"""
    allowed = {"@pypi//pillow", "@pypi//pytest"}

    def found(text):
        return build_checks.file_problems("tests", text, sources, allowed)

    assert found(text) == []
    assert found(text.replace('main = "run_pytest.py"', 'main = "a_test.py"'))
    assert found(text.replace("$(rootpath a_test.py)", ""))
    assert found(text.replace('":conftest", ', ""))


def test_an_import_for_type_checkers_is_no_dependency():
    source = "if TYPE_CHECKING:\n  import keras\nelse:\n  import numpy"
    assert build_checks.runtime_imports("maenas_tf.a", source) == {"numpy"}


def test_a_circle_is_found():
    assert build_checks.cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [
        "b",
        "c",
        "b",
    ]
    assert build_checks.cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
