"""tools.build_files writes what it checks, and says what is wrong."""

import pathlib

import pytest

from tools import build_files, build_labels, build_rules

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path):
    """A small repository without BUILD files."""
    for name, text in {
        "maenas_tf/__init__.py": "",
        "maenas_tf/front.py": "from maenas_tf.ops import conv\nimport PIL",
        "maenas_tf/ops/__init__.py": "",
        "maenas_tf/ops/conv.py": "import os\nimport keras",
        "tests/conftest.py": "",
        "tests/run_pytest.py": "",
        "tests/ops/conv_test.py": "from maenas_tf.ops import conv",
        "tools/run.py": 'x = 1\nif __name__ == "__main__":\n  pass',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_build_files_of_the_repository_are_up_to_date():
    wrong = build_files.wrong_files(ROOT)
    assert not wrong, "run python -m tools.build_files --write"


def test_writing_makes_the_check_pass(tree, capsys):
    assert build_files.run(tree, write=False) == 2
    assert "maenas_tf/ops/BUILD" in capsys.readouterr().err
    assert not (tree / "maenas_tf" / "BUILD").exists()
    assert build_files.run(tree, write=True) == 0
    assert build_files.run(tree, write=False) == 0


def test_a_new_import_makes_the_file_stale(tree):
    build_files.run(tree, write=True)
    (tree / "maenas_tf/ops/conv.py").write_text("import sklearn")
    assert list(build_files.wrong_files(tree)) == [tree / "maenas_tf/ops/BUILD"]
    build_files.run(tree, write=True)
    text = (tree / "maenas_tf/ops/BUILD").read_text()
    assert '"@pypi//scikit_learn"' in text
    assert "keras" not in text


def test_a_file_without_modules_is_removed(tree):
    build_files.run(tree, write=True)
    (tree / "tools/run.py").unlink()
    assert build_files.run(tree, write=False) == 2
    build_files.run(tree, write=True)
    assert not (tree / "tools/BUILD").exists()


def test_each_module_has_the_rule_of_its_kind(tree):
    def rule(name):
        return build_rules.rule_text(tree / name, tree)

    assert rule("tools/run.py").startswith("py_binary(")
    assert rule("maenas_tf/ops/__init__.py").startswith(
        'py_library(\n    name = "ops"'
    )
    assert rule("maenas_tf/front.py").endswith(
        'deps = [\n        "//maenas_tf/ops:conv",\n'
        '        "@pypi//pillow",\n    ],\n)\n'
    )
    test = rule("tests/ops/conv_test.py")
    assert test.startswith("py_test(")
    assert 'main = "//tests:run_pytest.py"' in test
    assert '"//tests:conftest"' in test


def test_an_import_of_nothing_is_refused(tree, capsys):
    (tree / "maenas_tf/front.py").write_text("import tests.ops.gone")
    (tree / "tests/conftest.py").unlink()
    assert build_files.run(tree, write=True) == 2
    assert "tests.ops.gone" in capsys.readouterr().err


def test_a_module_named_as_its_folder_is_refused(tree, capsys):
    (tree / "maenas_tf/ops/ops.py").write_text("")
    assert build_files.run(tree, write=True) == 2
    assert "ops.py" in capsys.readouterr().err


def test_relative_imports_are_read_from_the_package():
    source = "from . import a\nfrom .b import c\nfrom ..d import e"
    assert build_labels.imported_names(source, "x.y") == {
        "x.y.a",
        "x.y.b.c",
        "x.d.e",
    }


def test_imports_for_type_checkers_are_not_counted():
    source = "if TYPE_CHECKING:\n  import a\nelse:\n  import b"
    assert build_labels.imported_names(source, "x") == {"b"}
