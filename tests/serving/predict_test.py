"""Tests of `maenas_tf.serving.predict`."""

import csv
import shutil
import types

import numpy as np
import pytest
from PIL import Image

from maenas_tf.config import ConfigError
from maenas_tf.serving import export, predict
from maenas_tf.training.trained_run import load_trained
from tests.training import trained

NAMES = ["cat", "big dog", "böse Kuh"]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """An exported model and a folder of images, some of them odd."""
    folder = tmp_path_factory.mktemp("served")
    run = load_trained(trained.make_run(folder / "run", "nasbench201"))
    export.export(run, folder / "out", ["saved_model"], report=[].append)
    images = folder / "images"
    (images / "deep").mkdir(parents=True)
    pixels = trained.make_images(5)
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(images / "deep" / f"{index}.png")
    large = trained.make_images(1, size=70)[0]
    Image.fromarray(large).save(images / "large, wide.jpg")
    (images / "broken.png").write_bytes(b"no image")
    (images / "notes.txt").write_text("not read")
    return types.SimpleNamespace(
        folder=folder,
        model=folder / "out" / "saved_model",
        images=images,
        pixels=pixels,
        network=run.network,
    )


def rows(path):
    """Returns the rows of a CSV file as dictionaries."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("batch_size", [2, 100])
def test_each_readable_image_has_its_class(
    served, tmp_path, capsys, batch_size
):
    output = tmp_path / "new" / "predictions.csv"
    sentence = predict.predict(
        served.model, served.images, output, batch_size=batch_size
    )
    assert sentence == (
        "Classified 6 image(s); 1 of another size were resized to 32x32 (the "
        "shorter side, then the centre square); 1 unreadable file(s) were "
        "skipped."
    )
    error = capsys.readouterr().err
    assert error.count(f"Skipped {served.images / 'broken.png'}: ") == 1
    found = rows(output)
    assert list(found[0]) == ["path", "class", "class_name", "probability"]
    paths = [f"deep/{index}.png" for index in range(5)] + ["large, wide.jpg"]
    assert [row["path"] for row in found] == [
        str(served.images / path) for path in paths
    ]
    expected = trained.expected_probabilities(served.network, served.pixels)
    for row, probabilities in zip(found, expected, strict=False):
        best = int(probabilities.argmax())
        assert row["class"] == str(best)
        assert row["class_name"] == NAMES[best]
        assert float(row["probability"]) == pytest.approx(
            probabilities[best], abs=2e-6
        )
    assert [path.name for path in output.parent.iterdir()] == [output.name]


def test_top_k_gives_the_most_probable_classes_in_order(served, tmp_path):
    output = tmp_path / "out.csv"
    output.write_text("an older file")
    image = served.images / "deep" / "3.png"
    sentence = predict.predict(served.model, image, output, top_k=3)
    assert sentence == "Classified 1 image(s)."
    found = rows(output)
    expected = trained.expected_probabilities(
        served.network, served.pixels[3:4]
    )[0]
    assert [int(row["class"]) for row in found] == list(np.argsort(-expected))
    assert {row["path"] for row in found} == {str(image)}
    assert sum(float(row["probability"]) for row in found) == pytest.approx(
        1, abs=2e-6
    )


def test_the_highest_version_is_taken(served, tmp_path):
    for version in (9, 10):
        (tmp_path / str(version)).mkdir()
        (tmp_path / str(version) / "saved_model.pb").touch()
    (tmp_path / "11").mkdir()
    assert predict.find_saved_model(tmp_path) == tmp_path / "10"
    assert predict.find_saved_model(tmp_path / "9") == tmp_path / "9"


def damaged(served, folder, name, content):
    """Returns a copy of the model in which one file is another."""
    copy = folder / "damaged"
    shutil.copytree(served.model / "1", copy)
    if content is None:
        (copy / name).unlink()
    else:
        (copy / name).write_bytes(content)
    return copy


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("assets/class_names.txt", None, "not readable as a SavedModel"),
        ("assets/class_names.txt", b"cat\ndog\n", "names 2"),
        ("assets/preprocessing.json", b"[]", "no image_size"),
        ("saved_model.pb", b"nonsense", "not readable as a SavedModel"),
        ("variables/variables.index", b"", "not readable as a SavedModel"),
    ],
)
def test_a_damaged_model_is_named(served, tmp_path, name, content, message):
    model = damaged(served, tmp_path, name, content)
    with pytest.raises(ConfigError, match=message) as raised:
        predict.predict(model, served.images, tmp_path / "out.csv")
    assert f"--saved_model={model}" in str(raised.value)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"saved_model": "none"}, "--saved_model=.*none holds no SavedModel"),
        ({"images": "none"}, "--images=.*none does not exist"),
        ({"images": "out"}, "out has no images"),
        ({"images": "images/broken.png"}, "none of the 1 file"),
        ({"output": "images"}, "images is no file"),
        ({"output": "images/notes.txt/a.csv"}, "cannot be written"),
        ({"top_k": 0}, "--top_k=0"),
        ({"top_k": 4}, "--top_k=4 is not valid: the model has 3 classes"),
        ({"batch_size": 0}, "--batch_size=0"),
    ],
)
def test_bad_input_is_named_and_writes_nothing(served, changes, message):
    before = sorted(served.folder.rglob("*"))
    places = {"saved_model": "out/saved_model", "images": "images"}
    arguments = {**places, "output": "out.csv", **changes}
    arguments = {
        name: served.folder / value if isinstance(value, str) else value
        for name, value in arguments.items()
    }
    with pytest.raises(ConfigError, match=message):
        predict.predict(**arguments)
    assert sorted(served.folder.rglob("*")) == before
