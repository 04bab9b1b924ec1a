"""Tests of `maenas_tf.serving.export`: what is written, and when not."""

import io
import json
import os
import pathlib
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from maenas_tf.config import ConfigError
from maenas_tf.data.resizing import resize_images
from maenas_tf.serving import export, serving
from maenas_tf.serving.export_formats import FORMATS, Format
from maenas_tf.training.trained_run import load_trained
from tests.training import trained

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLOSE = {"rtol": 0, "atol": 2e-6}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """One export in all formats, with what it reported and its reload."""
    folder = tmp_path_factory.mktemp("exported")
    run = load_trained(trained.make_run(folder / "run"))
    lines = []
    path = folder / "new" / "out"
    differences = export.export(run, path, version=3, report=lines.append)
    saved_model = path / "saved_model" / "3"
    return types.SimpleNamespace(
        run=run,
        path=path,
        lines=lines,
        differences=differences,
        saved_model=saved_model,
        loaded=tf.saved_model.load(str(saved_model)),
    )


def python(folder, *arguments):
    """Runs Python without our modules in its reach; returns its output."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**environment, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_network_of_these_tests_tells_images_apart(exported):
    images = trained.make_images(8)
    expected = trained.expected_probabilities(exported.run.network, images)
    assert np.ptp(expected, axis=0).max() > 0.01
    # So sensitive that a missing normalisation could not hide.
    raw = exported.run.network(images / np.float32(255), training=False)
    assert np.abs(tf.nn.softmax(raw) - expected).max() > 0.01


def test_the_layout_is_that_of_tf_serving_and_nothing_else_is_left(exported):
    found = {
        str(path.relative_to(exported.path.parent.parent))
        for path in exported.path.parent.parent.rglob("*")
        if path.is_file() and "run" not in path.parts
    }
    assert found == {
        "new/out/class_names.txt",
        "new/out/export.json",
        "new/out/model.keras",
        "new/out/model.tflite",
        "new/out/saved_model/3/assets/class_names.txt",
        "new/out/saved_model/3/assets/preprocessing.json",
        "new/out/saved_model/3/fingerprint.pb",
        "new/out/saved_model/3/saved_model.pb",
        "new/out/saved_model/3/variables/variables.data-00000-of-00001",
        "new/out/saved_model/3/variables/variables.index",
    }


def test_the_differences_are_measured_reported_and_kept(exported):
    assert list(exported.differences) == ["saved_model", "keras", "litert"]
    assert max(exported.differences.values()) < 2e-6
    summary = json.loads((exported.path / "export.json").read_text())
    for name, difference in exported.differences.items():
        (line,) = [x for x in exported.lines if x.startswith(f"{name}: ")]
        assert f"{difference:.1e}" in line
        entry = summary["formats"][name]
        assert entry["max_difference"] == difference
        assert (exported.path / entry["path"]).exists()


def test_class_names_are_one_a_line(exported):
    for folder in (exported.path, exported.saved_model / "assets"):
        text = (folder / "class_names.txt").read_text(encoding="utf-8")
        assert text == "cat\nbig dog\nböse Kuh\n"


def test_signatures_are_typed_named_and_of_dynamic_size(exported):
    inputs = {
        name: {
            key: (spec.dtype, spec.shape.as_list())
            for key, spec in signature.structured_input_signature[1].items()
        }
        for name, signature in exported.loaded.signatures.items()
    }
    shape = [None, None, None, 3]
    assert inputs == {
        "serving_default": {"images": (tf.float32, shape)},
        "serving_uint8": {"images": (tf.uint8, shape)},
        "serving_bytes": {"image_bytes": (tf.string, [None])},
    }
    for signature in exported.loaded.signatures.values():
        outputs = signature.structured_outputs
        assert outputs["probabilities"].dtype == tf.float32
        assert outputs["classes"].dtype == tf.int64
        assert outputs["probabilities"].shape.as_list() == [None, 3]


@pytest.mark.parametrize("count", [1, 5])
def test_signatures_compute_what_the_keras_network_does(exported, count):
    images = trained.make_images(count, seed=count)
    expected = trained.expected_probabilities(exported.run.network, images)
    floats = (images / 255).astype(np.float32)
    signatures = exported.loaded.signatures
    for outputs in (
        signatures["serving_default"](images=tf.constant(floats)),
        signatures["serving_uint8"](images=tf.constant(images)),
        exported.loaded(images),
        exported.loaded(floats),
    ):
        np.testing.assert_allclose(outputs["probabilities"], expected, **CLOSE)
        np.testing.assert_array_equal(outputs["classes"], expected.argmax(-1))


def test_images_of_another_size_are_resized_as_by_the_pipeline(exported):
    rng = np.random.default_rng(4)
    images = rng.integers(0, 256, (2, 50, 41, 3), np.uint8)
    resized = resize_images(tf.constant(images), trained.SIZE).numpy()
    expected = trained.expected_probabilities(exported.run.network, resized)
    found = exported.loaded(images)["probabilities"]
    np.testing.assert_allclose(found, expected, **CLOSE)
    # Floats are not rounded in between.
    floats = (images / 255).astype(np.float32)
    found = exported.loaded(floats)["probabilities"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.02)


@pytest.mark.parametrize("factor", [255, -1])
def test_floats_far_outside_of_0_to_1_are_an_error(exported, factor):
    floats = factor * np.ones((1, 32, 32, 3), np.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="in 0..1"):
        exported.loaded.signatures["serving_default"](
            images=tf.constant(floats)
        )


def encode(image, kind, **options):
    """Returns the bytes of an image file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_encoded_images_give_what_the_decoded_ones_do(exported):
    colour = Image.fromarray(trained.make_images(1)[0])
    large = Image.fromarray(trained.make_images(1, size=47)[0])
    transparent = colour.copy()
    transparent.putalpha(100)
    jpeg = encode(colour, "JPEG", quality=90)
    wide = large.crop((0, 0, 47, 40))
    files = {
        "colour": (encode(colour, "PNG"), colour),
        "grey": (encode(colour.convert("L"), "PNG"), colour.convert("L")),
        "grey, transparent": (
            encode(transparent.convert("LA"), "PNG"),
            colour.convert("L"),
        ),
        "transparent": (encode(transparent, "PNG"), colour),
        "wide": (encode(wide, "PNG"), wide),
        "jpeg": (jpeg, Image.open(io.BytesIO(jpeg))),
    }
    decoded = [
        resize_images(tf.constant(np.asarray(image.convert("RGB"))), 32)
        for _, image in files.values()
    ]
    expected = exported.loaded(tf.stack(decoded))
    found = exported.loaded.signatures["serving_bytes"](
        image_bytes=tf.constant([content for content, _ in files.values()])
    )
    for index, name in enumerate(files):
        np.testing.assert_allclose(
            found["probabilities"][index],
            expected["probabilities"][index],
            err_msg=name,
            **CLOSE,
        )
    np.testing.assert_array_equal(found["classes"], expected["classes"])


def test_the_auxiliary_head_is_not_served(exported):
    variables = tf.train.list_variables(
        str(exported.saved_model / "variables" / "variables")
    )
    assert exported.run.network.auxiliary_head is not None
    assert not [shape for _, shape in variables if 768 in shape]
    model = (exported.path / "model.tflite").stat().st_size
    assert model < 4 * exported.run.network.count_params()


def test_no_file_names_a_folder_of_this_machine(exported):
    folder = str(exported.path.parent.parent).encode()
    for path in exported.path.rglob("*"):
        assert path.is_dir() or folder not in path.read_bytes(), path


def test_a_process_with_tensorflow_alone_serves_the_saved_model(
    exported, tmp_path
):
    images = trained.make_images(3)
    np.save(tmp_path / "images.npy", images)
    script = f"""
import sys, numpy, tensorflow as tf
model = tf.saved_model.load({str(exported.saved_model)!r})
images = tf.constant(numpy.load("images.npy"))
found = model.signatures["serving_uint8"](images=images)
numpy.savez("found.npz", **found)
names = [a.asset_path.numpy().decode() for a in model.assets]
print(open(names[0], encoding="utf-8").readline().strip())
print([name for name in sys.modules if name.startswith("maenas")])
"""
    assert python(tmp_path, "-c", script) == "cat\n[]\n"
    expected = trained.expected_probabilities(exported.run.network, images)
    with np.load(tmp_path / "found.npz") as found:
        np.testing.assert_allclose(found["probabilities"], expected, **CLOSE)
        assert found["classes"].tolist() == expected.argmax(-1).tolist()


def test_saved_model_cli_runs_the_default_signature(exported, tmp_path):
    images = trained.make_images(2)
    np.save(tmp_path / "in.npy", (images / 255).astype(np.float32))
    python(
        tmp_path,
        *("-m", "tensorflow.python.tools.saved_model_cli", "run"),
        *("--dir", exported.saved_model, "--tag_set", "serve"),
        *("--signature_def", "serving_default"),
        *("--inputs", "images=in.npy", "--outdir", "out"),
    )
    expected = trained.expected_probabilities(exported.run.network, images)
    found = np.load(tmp_path / "out" / "probabilities.npy")
    np.testing.assert_allclose(found, expected, **CLOSE)
    classes = np.load(tmp_path / "out" / "classes.npy")
    assert classes.tolist() == expected.argmax(-1).tolist()


def test_the_keras_file_loads_after_an_import_of_ours_alone(exported, tmp_path):
    images = trained.make_images(2)
    np.save(tmp_path / "in.npy", (images / 255).astype(np.float32))
    script = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import maenas_tf.models.network
import keras, numpy
model = keras.models.load_model({str(exported.path / "model.keras")!r})
numpy.save("out.npy", model.predict(numpy.load("in.npy"), verbose=0))
print(model.get_layer("network").genotype)
"""
    printed = python(tmp_path, "-c", script)
    assert printed == f"{exported.run.network.genotype}\n"
    expected = trained.expected_probabilities(exported.run.network, images)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, **CLOSE)


@pytest.mark.parametrize("count", [1, 3])
def test_the_litert_interpreter_runs_any_batch(exported, count):
    images = trained.make_images(count)
    floats = (images / 255).astype(np.float32)
    interpreter = Interpreter(model_path=str(exported.path / "model.tflite"))
    (details,) = interpreter.get_input_details()
    assert details["shape_signature"].tolist() == [-1, 32, 32, 3]
    found = interpreter.get_signature_runner("serving_default")(images=floats)
    expected = trained.expected_probabilities(exported.run.network, images)
    np.testing.assert_allclose(found["probabilities"], expected, **CLOSE)
    assert found["classes"].tolist() == expected.argmax(-1).tolist()


def test_nasbench201_is_exported_too(tmp_path):
    run = load_trained(trained.make_run(tmp_path / "run", "nasbench201"))
    (tmp_path / "out").mkdir()  # empty: may be used
    differences = export.export(run, tmp_path / "out", report=[].append)
    assert max(differences.values()) < 2e-6
    assert (tmp_path / "out/saved_model/1/saved_model.pb").is_file()


class Wrong(Format):
    """A format whose model is off by `ERROR`."""

    ERROR = 0.0

    @property
    def path(self):
        return self.directory / "wrong"

    def write(self, network, preprocessing):
        self.network = network
        self.path.mkdir()
        (self.path / "model").write_text("a model")

    def probabilities(self, images):
        if isinstance(self.ERROR, BaseException):
            raise self.ERROR
        expected = trained.expected_probabilities(self.network, images)
        expected[-1, 0] += self.ERROR
        return [expected]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (2e-4, export.ExportError),
        (np.nan, export.ExportError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError("the disk is full"), ConfigError),
    ],
)
def test_a_failure_leaves_nothing_behind(
    exported, tmp_path, monkeypatch, error, expected
):
    monkeypatch.setattr(Wrong, "ERROR", error)
    target = tmp_path / "parent" / "out"
    with FORMATS.temporary("wrong", Wrong), pytest.raises(expected) as raised:
        export.export(exported.run, target, ["wrong"], report=[].append)
    assert list(tmp_path.iterdir()) == []
    if expected is export.ExportError:
        assert "The wrong export differs" in str(raised.value)


def test_a_difference_within_the_tolerance_is_no_failure(
    exported, tmp_path, monkeypatch
):
    monkeypatch.setattr(Wrong, "ERROR", 5e-5)
    with FORMATS.temporary("wrong", Wrong):
        differences = export.export(
            exported.run, tmp_path / "out", ["wrong"], report=[].append
        )
    assert differences["wrong"] == pytest.approx(5e-5, rel=0.01)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"wrong", "class_names.txt", "export.json"}


def test_a_forgotten_normalisation_is_caught(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "normalize", lambda x, mean, std: x / 255)
    with pytest.raises(export.ExportError, match="The saved_model export"):
        export.export(exported.run, tmp_path / "out", report=[].append)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        (["onnx"], "'onnx' is unknown; give some of saved_model,keras,litert"),
        ([], "--formats is empty"),
        (["keras", ""], "'' is unknown"),
    ],
)
def test_wrong_formats_are_named(formats, message):
    with pytest.raises(ConfigError, match=message):
        export.check_formats(formats)


def test_a_format_is_written_once():
    assert export.check_formats(["keras", " litert", "keras"]) == (
        "keras",
        "litert",
    )


def test_only_a_missing_or_empty_output_directory_is_taken(tmp_path):
    (tmp_path / "file").touch()
    for path, message in (
        (tmp_path, "is not empty"),
        (tmp_path / "file", "is a file"),
        ("", "is empty; give a directory"),
    ):
        with pytest.raises(ConfigError, match=message):
            export.check_output_dir(path)
    path = export.check_output_dir(tmp_path / "file" / "inside")
    with (
        pytest.raises(ConfigError, match="cannot be written"),
        export.all_or_nothing(path),
    ):
        pytest.fail("a file is no place for a directory")


def fill_up(path):
    """Writes to a directory, into which somebody else writes meanwhile."""
    with export.all_or_nothing(path) as temporary:
        (temporary / "mine").touch()
        path.mkdir()
        (path / "theirs").touch()


def test_a_directory_that_fills_up_meanwhile_is_not_touched(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"):
        fill_up(tmp_path / "out")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["out", "theirs"]


def test_versions_start_at_one(exported, tmp_path):
    with pytest.raises(ConfigError, match="--version=0"):
        export.export(exported.run, tmp_path / "out", version=0)
    assert list(tmp_path.iterdir()) == []
