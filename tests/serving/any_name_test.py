"""Classes and directories whose names are no text in UTF-8."""

import csv
import os

import numpy as np
import pytest
from PIL import Image

from maenas_tf.data import memory
from maenas_tf.serving import export, predict
from maenas_tf.training import run_evaluation
from maenas_tf.training.trained_run import Preprocessing, load_trained
from tests.training import trained

CLASSES = tuple(map(os.fsdecode, (b"$\\foo$", b"caf\xe9", b"caf\xff")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A training and images of its classes, in folders of odd names."""
    root = tmp_path_factory.mktemp("odd") / os.fsdecode(b"f\xfc")
    path = trained.make_run(root / "run", "nasbench201")
    preprocessing = Preprocessing(
        trained.SIZE, trained.MEAN, trained.STD, CLASSES, "folder"
    )
    (path / "preprocessing.json").write_text(preprocessing.to_json())
    pixels = trained.make_images(len(CLASSES))
    for name, image in zip(CLASSES, pixels, strict=True):
        place = root / "images" / "test" / name
        place.mkdir(parents=True)
        Image.fromarray(image).save(place / os.fsdecode(b"\xfe.png"))
    return root


@pytest.mark.parametrize("available", [2**40, 1])
def test_they_are_evaluated(folder, monkeypatch, available):
    monkeypatch.setattr(memory, "physical_memory", lambda: available)
    run = load_trained(folder / "run")
    images = run_evaluation.load_evaluation_images(
        run, dataset="folder", data_dir=os.fspath(folder / "images")
    )
    assert images.class_names == CLASSES
    report = run_evaluation.evaluate_run(run, images, "test", batch_size=2)
    assert report["num_images"] == len(CLASSES)
    assert set(report["class_accuracy"]) == set(CLASSES)
    assert (folder / "run" / "confusion.png").exists()


def test_they_are_exported_and_predicted(folder):
    run = load_trained(folder / "run")
    differences = export.export(run, folder / "out", report=[].append)
    assert max(differences.values()) < export.TOLERANCE
    output = folder / os.fsdecode(b"\xfd.csv")
    done = predict.predict(
        folder / "out" / "saved_model", folder / "images", output
    )
    assert done.startswith("Classified 3 image(s)")
    with open(output, errors="surrogateescape", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [CLASSES[int(row["class"])] for row in rows]
    assert [row["class_name"] for row in rows] == names
    assert all(os.path.exists(row["path"]) for row in rows)
    assert np.isfinite([float(row["probability"]) for row in rows]).all()
