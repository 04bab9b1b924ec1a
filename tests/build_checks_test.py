"""Each check of the BUILD files refuses bad examples and passes good ones."""

from __future__ import annotations

from tests import build_checks

SOURCES = {
    "maenas_tf.ops.__init__": "",
    "maenas_tf.ops.mixed": "import os\nimport keras\nfrom . import other",
    "maenas_tf.ops.other": "from maenas_tf.registry import Registry",
}
BUILD = """
py_library(
    name = "ops",
    srcs = glob(["*.py"]),
    deps = [
        "//maenas_tf:registry",
        "@pypi//keras",
    ],
)
"""
ALLOWED = {"@pypi//keras", "@pypi//numpy"}


def problems(text, sources=SOURCES, allowed=ALLOWED):
    return build_checks.folder_problems("maenas_tf/ops", text, sources, allowed)


def test_what_the_imports_say_passes():
    assert problems(BUILD) == []


def test_a_missing_file_is_found():
    assert problems("") == ["maenas_tf/ops: has no BUILD file"]


def test_what_is_missing_and_what_is_too_much_are_found():
    text = BUILD.replace("@pypi//keras", "@pypi//numpy")
    assert problems(text) == [
        "maenas_tf/ops/BUILD: ops lacks @pypi//keras",
        "maenas_tf/ops/BUILD: ops does not need @pypi//numpy",
    ]


def test_a_package_that_is_not_required_is_found():
    (found,) = problems(BUILD, allowed=set())
    assert found == "maenas_tf/ops/BUILD: ops: @pypi//keras is not required"


def test_a_rule_without_a_module_is_found():
    text = BUILD + 'py_library(name = "gone", srcs = ["gone.py"])'
    assert problems(text) == ["maenas_tf/ops/BUILD: gone has no module"]


def test_tests_are_one_comprehension():
    sources = {
        "tests.ops.helper": "import numpy",
        "tests.ops.a_test": "from tests.ops import helper\nimport keras",
        "tests.ops.b_test": "import maenas_tf.ops.mixed",
    }
    text = """
py_library(
    name = "ops",
    srcs = glob(["*.py"], exclude = ["*_test.py"]),
    deps = ["@pypi//numpy"],
)
[
    py_test(
        name = file.removesuffix(".py"),
        deps = [":ops", "//maenas_tf/ops", "@pypi//keras"],
    )
    for file in glob(["*_test.py"])
]
"""
    found = build_checks.folder_problems("tests/ops", text, sources, ALLOWED)
    assert found == []
    text = text.replace('"//maenas_tf/ops", ', "")
    found = build_checks.folder_problems("tests/ops", text, sources, ALLOWED)
    assert found == ["tests/ops/BUILD: py_test lacks //maenas_tf/ops"]


def test_a_circle_is_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a"}}
    assert build_checks.cycle(graph) == ["a", "b", "c", "a"]
    assert build_checks.cycle({"a": {"b"}, "b": {"c"}}) == []
