"""Tests of a detector's whole way: trained, resumed, evaluated, exported."""

import csv
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from maenas_tf.config import ConfigError
from maenas_tf.detection.build import build_detector
from maenas_tf.detection.config import DetectConfig
from maenas_tf.detection.detector_run import load_detector
from maenas_tf.detection.evaluation import (
    evaluate_detector,
    format_report,
    load_evaluation_boxes,
)
from maenas_tf.detection.experiment import DetectExperiment
from maenas_tf.detection.export import export_detector
from maenas_tf.detection.load import renumbered
from maenas_tf.detection.predict import is_detector, predict_boxes
from maenas_tf.engine.signals import Interrupted
from maenas_tf.runs import kinds
from maenas_tf.runs.run_kind import kind_in
from maenas_tf.spaces import Genotype
from maenas_tf.training.trained_run import load_trained
from tests.detection.boxed import CLASS_NAMES, make_boxed, write_coco
from tests.detection.detectors import GENOTYPE, SIZE
from tests.training import trained
from tests.training.experiment_test import AfterSteps

SETTINGS = {
    "genotype": GENOTYPE,
    "annotations": "boxes.json",
    "data_dir": "images",
    "image_size": SIZE,
    "stem": "cifar",
    "init_channels": 2,
    "num_cells": 1,
    "head_channels": 4,
    "anchor_scale": 3.0,
    "epochs": 2,
    "batch_size": 4,
    "learning_rate": 0.05,
    "validation_fraction": 0.25,
}


def begin(run_dir, signals=None, **changes):
    config = DetectConfig(**{**SETTINGS, **changes})
    return DetectExperiment(
        config, run_dir, make_boxed(16, SIZE), signals=signals
    )


def rows_of(run_dir):
    with open(run_dir / "history.csv", newline="") as file:
        return [
            {k: v for k, v in row.items() if "second" not in k}
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Run directory, result and experiment of a whole training."""
    run_dir = tmp_path_factory.mktemp("detector") / "run"
    experiment = begin(run_dir)
    return run_dir, experiment.run(), experiment


@pytest.fixture(scope="module")
def exported(done, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "out"
    difference = export_detector(load_detector(done[0]), folder, report=print)
    return folder, difference


def test_a_run_leaves_what_it_has_found(done):
    run_dir, result, _ = done
    assert kind_in(run_dir) == kinds.DETECTION
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["kind"] == "detection"
    assert summary["num_images"] == 12
    assert summary["num_validation_images"] == 4
    assert summary["num_boxes"] == result.summary["num_boxes"] == 15
    assert summary["num_images_without_boxes"] == 6
    rows = rows_of(run_dir)
    assert len(rows) == 2
    for row in rows:
        assert 0 <= float(row["validation_ap"]) <= 1
        parts = float(row["train_box_loss"]) + float(row["train_class_loss"])
        assert float(row["train_loss"]) == pytest.approx(parts)
    assert float(rows[1]["train_loss"]) < float(rows[0]["train_loss"])


def test_a_detector_learns_boxes_and_their_classes(tmp_path):
    config = DetectConfig(
        **{**SETTINGS, "batch_size": 8, "epochs": 10, "flip": False}
        | {"init_channels": 4, "head_channels": 16}
    )
    images = make_boxed(96, SIZE)
    result = DetectExperiment(config, tmp_path / "run", images).run()
    # Of images it has not seen. It is .0 untrained; one class for all or
    # boxes in the wrong place would leave it under a half.
    assert result.summary["validation_ap50"] > 0.5


def test_a_run_that_was_stopped_in_an_epoch_ends_with_the_same_bits(
    done, tmp_path
):
    experiment = begin(tmp_path / "run", signals=AfterSteps(1))
    experiment.loop.pace.steps = lambda mode: 1
    with pytest.raises(Interrupted, match="wrote"):
        experiment.run()
    assert experiment.loop.state["step"] not in (0, 3)
    begin(tmp_path / "run").run()
    assert rows_of(tmp_path / "run") == rows_of(done[0])
    with (
        np.load(done[0] / "last.npz") as expected,
        np.load(tmp_path / "run" / "last.npz") as found,
    ):
        assert set(found) == set(expected)
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name])


def test_a_run_on_other_boxes_or_of_another_configuration_is_refused(done):
    with pytest.raises(ConfigError, match="--head_channels=8"):
        begin(done[0], head_channels=8)
    config = DetectConfig(**SETTINGS)
    other = make_boxed(16, SIZE)
    other.boxes[1, 0, 0] += 1
    with pytest.raises(ConfigError, match="other labels"):
        DetectExperiment(config, done[0], other)


def test_a_run_of_before_normalised_heads_is_read_as_it_was_trained():
    assert DetectConfig(**SETTINGS).head_norm == "group"
    text = DetectConfig(**SETTINGS, head_norm="none").to_json()
    older = {k: v for k, v in json.loads(text).items() if k != "head_norm"}
    config = DetectConfig.from_json(json.dumps(older))
    assert config.head_norm == "none"
    detector = build_detector(config, Genotype.from_string(GENOTYPE), 2)
    assert not any("norm" in v.path for v in head_weights(detector))
    detector = build_detector(
        config.replace(head_norm="group"), Genotype.from_string(GENOTYPE), 2
    )
    assert any("norm" in v.path for v in head_weights(detector))


def head_weights(detector):
    return [v for v in detector.model.variables if "_head" in v.path]


def test_the_backbone_begins_with_the_weights_of_a_training(tmp_path):
    source = trained.make_run(tmp_path / "source", "nasbench201")
    network = load_trained(source).network
    same = {
        "genotype": str(network.genotype),
        "init_channels": 4,
        "init_from": str(source),
    }
    experiment = begin(tmp_path / "run", **same)
    experiment.loop.run = experiment._finish = lambda: None
    experiment.run()
    trunk = experiment.detector.backbone.trunk.trunk
    for ours, theirs in zip(
        trunk.get_weights(), network.trunk.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    # Images look as they did to the network whose weights these are.
    assert experiment.data.images.mean == trained.MEAN
    written = json.loads((tmp_path / "run/preprocessing.json").read_text())
    assert written["mean"] == list(trained.MEAN)
    assert written["class_names"] == list(CLASS_NAMES)
    with pytest.raises(ConfigError, match="give --init_channels=4"):
        begin(tmp_path / "other", **{**same, "init_channels": 2})


def test_a_detector_is_read_from_its_directory_alone(done):
    run = load_detector(done[0], "last")
    assert run.preprocessing.class_names == CLASS_NAMES
    for ours, theirs in zip(
        run.detector.model.variables,
        done[1].detector.model.variables,
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda run: (run / "last.npz").unlink(), "last.npz cannot be read"),
        (lambda run: (run / "last.npz").write_bytes(b"x"), "cannot be read"),
        (lambda run: (run / "config.json").unlink(), "holds no config.json"),
        (
            lambda run: (run / "preprocessing.json").write_text("{}"),
            "preprocessing.json",
        ),
    ],
)
def test_damaged_runs_are_one_sentence(done, tmp_path, damage, expected):
    run = tmp_path / "run"
    shutil.copytree(done[0], run)
    damage(run)
    with pytest.raises(ConfigError, match=expected):
        load_detector(run, "last")


def test_the_evaluation_is_that_of_the_detector(done):
    run = load_detector(done[0], "last")
    data = make_boxed(16, SIZE)
    report = evaluate_detector(run, data, "test", 5)
    assert json.loads((done[0] / "evaluation.json").read_text()) == report
    assert report["num_images"] == 16
    assert report["num_boxes"] == 15
    expected = done[2].finder.measure(data, 16)
    for name, value in expected.items():
        assert report[name] == pytest.approx(value)
    assert report["backbone_macs"] < report["macs"]
    assert report["backbone_parameters"] < report["parameters"]
    assert (done[0] / "detections.png").read_bytes()[:4] == b"\x89PNG"
    assert f"{100 * report['ap50']:.2f} %" in format_report(report)


def test_boxes_to_evaluate_on_keep_the_trained_places(done, tmp_path):
    run = load_detector(done[0])
    path = write_coco(
        tmp_path,
        categories=[{"id": 9, "name": "bar"}, {"id": 3, "name": "square"}],
    )
    form = {"data_dir": str(tmp_path / "images")}
    data = load_evaluation_boxes(run, annotations=str(path), **form)
    assert data.class_names == CLASS_NAMES
    assert data.classes.tolist() == [[1, 0], [-1, -1], [0, -1]]
    assert data.images.mean == run.preprocessing.mean
    with pytest.raises(ConfigError, match="boxes of 'cat', 'dog', which the"):
        load_evaluation_boxes(
            run, annotations=str(write_coco(tmp_path)), **form
        )
    with pytest.raises(ConfigError, match="give --annotations=FILE"):
        load_evaluation_boxes(run)
    # A class without a box may have any name.
    fewer = renumbered(data, ("square", "bar", "more"))
    assert fewer.classes.tolist() == data.classes.tolist()


def test_the_export_finds_what_the_detector_finds_in_pixels_of_the_image(
    done, exported
):
    folder, difference = exported
    assert difference < 1e-5
    assert is_detector(folder / "saved_model")
    signatures = tf.saved_model.load(str(folder / "saved_model/1")).signatures
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 256, (40, 80, 3), np.uint8)
    encoded = tf.io.encode_png(wide)
    of_bytes = signatures["serving_default"](image_bytes=tf.stack([encoded]))
    of_pixels = signatures["serving_uint8"](images=wide[np.newaxis])
    tf.nest.map_structure(np.testing.assert_array_equal, of_bytes, of_pixels)
    count = int(of_bytes["num_detections"][0])
    boxes = of_bytes["boxes"].numpy()[0]
    assert (boxes[count:] == -1).all()
    assert (boxes[:count] >= 0).all()
    assert (boxes[:count] <= (80, 40, 80, 40)).all()
    summary = json.loads((folder / "export.json").read_text())
    assert summary["num_classes"] == 2


def test_a_prediction_is_a_table_and_pictures(exported, tmp_path):
    folder, _ = exported
    write_coco(tmp_path)
    images, output = tmp_path / "images", tmp_path / "boxes.csv"
    (images / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    said = predict_boxes(
        folder / "saved_model",
        images,
        output,
        pictures=tmp_path / "drawn",
        min_score=0.0,
    )
    with open(output, newline="") as file:
        rows = list(csv.DictReader(file))
    assert f"Found {len(rows)} box(es) in 3 image(s); 1 unreadable" in said
    for row in rows:
        with Image.open(row["path"]) as image:
            width, height = image.size
        assert 0 <= float(row["x_min"]) <= float(row["x_max"]) <= width
        assert 0 <= float(row["y_min"]) <= float(row["y_max"]) <= height
        assert row["class_name"] == CLASS_NAMES[int(row["class"])]
    drawn = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert drawn == ["0.png.png", "1.png.png", "2.png.png"]
    with Image.open(tmp_path / "drawn" / "0.png.png") as picture:
        assert picture.size == (40, 20)
