"""Tests of `tools.predict`, on what `tools.export` writes."""

import csv

import pytest
from PIL import Image

from maenas_tf.serving import export
from maenas_tf.training.trained_run import load_trained
from tests.tools import one_process
from tests.training import trained

MODULES = (
    "import sys\n"
    "from maenas_tf.serving import predict\n"
    "print([name for name in sys.modules if name.startswith('maenas_tf.')])"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tool")
    run = load_trained(trained.make_run(folder / "run", "nasbench201"))
    export.export(run, folder / "out", ["saved_model"], report=[].append)
    (folder / "images").mkdir()
    for size in (32, 40):
        image = Image.fromarray(trained.make_images(1, size)[0])
        image.save(folder / "images" / f"{size}.png")
    (folder / "images" / "cut.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def results(folder):
    usual = [
        f"--saved_model={folder}/out/saved_model",
        f"--images={folder}/images",
        f"--output={folder}/predictions.csv",
    ]
    cases = {
        "all": (MODULES, usual),
        "no model": ("", [*usual, f"--saved_model={folder}/images"]),
        "no images": ("", [*usual, f"--images={folder}/none"]),
        "no output": ("", usual[:2]),
        "argument": ("", [*usual, "more"]),
    }
    done = one_process.run("predict", list(cases.values()))
    return dict(zip(cases, done, strict=True))


def test_a_folder_becomes_a_csv_file(results, folder):
    code, out, error = results["all"]
    assert code == 0, error
    assert "Classified 2 image(s); 1 of another size were resized" in out
    assert f"Written to {folder}/predictions.csv." in out
    assert f"Skipped {folder}/images/cut.png" in error
    with open(folder / "predictions.csv", newline="") as file:
        names = [row["path"] for row in csv.DictReader(file)]
    assert names == [f"{folder}/images/{size}.png" for size in (32, 40)]


def test_neither_network_nor_training_is_loaded(results):
    _, out, _ = results["all"]
    modules = out.splitlines()[0]
    assert "'maenas_tf.serving.predict'" in modules
    for name in ("models", "spaces", "ops", "training.trained_run"):
        assert f"'maenas_tf.{name}" not in modules


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no model", "holds no SavedModel"),
        ("no images", "none does not exist"),
        ("no output", "--output"),
        ("argument", "Unexpected argument 'more'"),
    ],
)
def test_bad_input_exits_with_2_and_one_line(results, name, message):
    code, _, error = results[name]
    assert code == 2
    assert message in error
    assert error.count("\n") == 1
