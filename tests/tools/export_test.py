"""Tests of `tools.export`: what it says and its exit codes."""

import signal

import pytest

from tests.tools import one_process
from tests.training import trained

# Test name to a statement, flags in place of the usual ones (FOLDER is a new
# directory), the exit code and what stderr must say.
CASES = {
    "keras": ("", ["--formats=keras"], 0, ""),
    "no run": ("", ["--run_dir=FOLDER/none"], 2, "none does not exist"),
    "no training": ("", ["--run_dir=FOLDER/full"], 2, "holds no config.json"),
    "full": ("", ["--output_dir=FOLDER/full"], 2, "full is not empty"),
    "format": ("", ["--formats=keras,onnx"], 2, "'onnx' is unknown"),
    "version": ("", ["--version=0"], 2, "--version=0 is not valid"),
    "checkpoint": ("", ["--checkpoint=first"], 2, "best|last"),
    "no output": ("", ["--output_dir="], 2, "--output_dir is empty"),
    "stopped": (
        "import os\n"
        "from maenas_tf.serving.export_formats import FORMATS\n"
        "stop = lambda *_: os.kill(os.getpid(), 15)\n"
        "FORMATS.get('litert').write = stop",
        ["--formats=litert"],
        128 + signal.SIGTERM,
        "Stopped; nothing was written.",
    ),
    # Last, for it changes the module.
    "different": (
        "from maenas_tf.serving import export; export.TOLERANCE = -1.0",
        ["--formats=keras"],
        1,
        "The keras export differs from the Keras network by",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tool")
    trained.make_run(folder / "run", "nasbench201")
    (folder / "full").mkdir()
    (folder / "full" / "mine").touch()
    return folder


@pytest.fixture(scope="module")
def results(folder):
    """Exit code, stdout and stderr of each case."""
    cases = []
    for index, (statement, arguments, _, _) in enumerate(CASES.values()):
        usual = ["--run_dir=FOLDER/run", f"--output_dir=FOLDER/out{index}"]
        texts = [a.replace("FOLDER", str(folder)) for a in usual + arguments]
        cases.append((statement, texts))
    return dict(zip(CASES, one_process.run("export", cases), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_exit_code_and_message(results, name):
    code, _, error = results[name]
    assert code == CASES[name][2], error
    assert CASES[name][3] in error
    if code == 2:
        assert error.count("\n") == 1
    assert "Traceback" not in error


def test_the_differences_are_printed(results, folder):
    _, out, _ = results["keras"]
    assert "keras: model.keras, largest difference of a probability" in out
    assert f"Exported the last checkpoint to {folder / 'out0'}." in out


def test_nothing_is_left_behind_but_by_success(results, folder):
    assert len(results) == len(CASES)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["full", "out0", "run"]
    assert [path.name for path in (folder / "full").iterdir()] == ["mine"]
    assert sorted(path.name for path in (folder / "out0").iterdir()) == [
        "class_names.txt",
        "export.json",
        "model.keras",
    ]
