"""One set of files comes in by every door as the same bytes."""

import shutil
import types

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.resizing import resize_images
from maenas_tf.data.sources import load_images
from maenas_tf.serving import export, predict
from maenas_tf.training.trained_run import load_trained
from tests.data import pictures
from tests.training import trained

RULES = PixelRules("#c0ffee", integer_white=4095, center_crop=0.875)


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """Files, what a search reads of them, and an exported network."""
    folder = tmp_path_factory.mktemp("doors")
    (folder / "files").mkdir()
    files = pictures.write_all(folder / "files")
    images = load_images(
        "folder",
        data_dir=str(folder / "files"),
        image_size=trained.SIZE,
        with_labels=False,
        rules=PixelRules(RULES.background, center_crop=RULES.center_crop),
    )
    run = load_trained(
        trained.make_run(folder / "run", "nasbench201", images.pixels)
    )
    path = folder / "exported"
    formats = ["saved_model", "litert"]
    export.export(run, path, formats, report=[].append)
    return types.SimpleNamespace(
        paths=sorted(files.values()),
        images=images,
        path=path,
        saved_model=path / "saved_model" / "1",
        network=run.network,
    )


@pytest.fixture(scope="module")
def bytes_of_search(doors):
    return doors.images.read(np.arange(doors.images.num_images))


@pytest.fixture(scope="module")
def expected(doors, bytes_of_search):
    return trained.expected_probabilities(doors.network, bytes_of_search)


def test_the_folder_settles_the_rules_that_are_exported(doors):
    assert doors.images.num_images == len(doors.paths)
    assert doors.images.pixels == RULES
    classifier = predict.Classifier(doors.saved_model)
    assert classifier.pixels == RULES


def test_predict_reads_the_bytes_that_the_search_reads(doors, bytes_of_search):
    for path, wanted in zip(doors.paths, bytes_of_search, strict=True):
        pixels, _ = predict._read(path, trained.SIZE, RULES)
        np.testing.assert_array_equal(pixels, wanted, err_msg=path.name)


def test_serving_bytes_sees_what_the_search_sees_to_the_bit(
    doors, bytes_of_search, expected
):
    signatures = tf.saved_model.load(str(doors.saved_model)).signatures
    files = tf.constant([path.read_bytes() for path in doors.paths])
    found = signatures["serving_bytes"](image_bytes=files)["probabilities"]
    wanted = signatures["serving_uint8"](images=tf.constant(bytes_of_search))
    np.testing.assert_array_equal(found, wanted["probabilities"])
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


def test_arrays_of_another_size_show_the_centre_that_files_show(doors):
    small, part = trained.SIZE, RULES.center_crop
    large = np.repeat(np.repeat(trained.make_images(2), 2, 1), 2, 2)
    loaded = tf.saved_model.load(str(doors.saved_model))
    centre = resize_images(tf.constant(large), small, part)
    np.testing.assert_array_equal(
        loaded(tf.constant(large))["probabilities"],
        loaded(centre)["probabilities"],
    )
    assert np.any(centre != resize_images(tf.constant(large), small))


def test_litert_computes_the_same_of_these_bytes(
    doors, bytes_of_search, expected
):
    interpreter = tf.lite.Interpreter(str(doors.path / "model.tflite"))
    run = interpreter.get_signature_runner("serving_default")
    found = run(images=(bytes_of_search / 255).astype(np.float32))
    np.testing.assert_allclose(
        found["probabilities"], expected, rtol=0, atol=2e-6
    )


def test_floats_a_hair_outside_of_the_range_are_cut_off_by_each_door(doors):
    images = trained.make_images(2)
    floats = (images / 255).astype(np.float32)
    over = np.where(floats > 0.5, floats + 0.4, floats - 0.4)
    cut = np.clip(over, 0, 1)
    loaded = tf.saved_model.load(str(doors.saved_model))
    interpreter = tf.lite.Interpreter(str(doors.path / "model.tflite"))
    run = interpreter.get_signature_runner("serving_default")
    for function in (
        lambda x: loaded(tf.constant(x))["probabilities"].numpy(),
        lambda x: run(images=x)["probabilities"],
    ):
        np.testing.assert_array_equal(function(over), function(cut))


def test_an_export_of_an_older_run_drops_transparency(tmp_path):
    run = load_trained(trained.make_run(tmp_path / "run", "nasbench201"))
    export.export(run, tmp_path / "new", ["saved_model"], report=[].append)
    assets = tmp_path / "new" / "saved_model" / "1" / "assets"
    text = (assets / "preprocessing.json").read_text()
    assert '"background": "none"' in text
    old = shutil.copytree(assets, tmp_path / "old")
    (old / "preprocessing.json").write_text('{"image_size": 8}')
    found = predict.serving_assets.read_pixel_rules(old)
    assert found == PixelRules("none")
