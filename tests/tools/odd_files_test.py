"""A folder of what people have is searched and classified, and counted."""

import csv
import json
import os

import pytest

from maenas_tf.serving import export
from maenas_tf.training.trained_run import load_trained
from tests.tools import commands, odd_files
from tests.training import trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the folder is, and how many images it holds."""
    path = tmp_path_factory.mktemp("odd") / "photos"
    return path, odd_files.make(path)


def check_said(error: str) -> None:
    """Checks that all that was left out was named or counted."""
    assert "Traceback" not in error
    for name in odd_files.BROKEN:
        assert f"/{name}: " in error
    assert f"{len(odd_files.OTHERS)} file(s) that are no images" in error
    assert "what was written by a run" in error


def test_a_search_reads_every_image_and_names_the_rest(folder, tmp_path):
    path, count = folder
    settings = {
        **commands.TINY,
        "epochs": 1,
        "batch_size": 4,
        "dataset": "folder",
        "data_dir": path,
        "run_dir": tmp_path / "run",
    }
    code, out, error = commands.run("search", *commands.to_flags(settings))
    assert code == 0, error
    check_said(error)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["num_images"] == count
    assert summary["num_skipped_files"] == len(odd_files.BROKEN)
    assert f"{count} images" in out


def test_predict_classifies_every_image_and_names_the_rest(folder, tmp_path):
    path, count = folder
    run = load_trained(trained.make_run(tmp_path / "run", "nasbench201"))
    export.export(run, tmp_path / "out", ["saved_model"], report=[].append)
    table = tmp_path / "classes.csv"
    flags = [
        f"--saved_model={tmp_path}/out/saved_model",
        f"--images={path}",
        f"--output={table}",
    ]
    code, out, error = commands.run("predict", *flags)
    assert code == 0, error
    check_said(error)
    assert f"Classified {count} image(s)" in out
    with open(table, newline="", errors="surrogateescape") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == count
    names = {os.path.relpath(row["path"], path) for row in rows}
    assert f"{odd_files.DOLLARS}/b.png" in names
