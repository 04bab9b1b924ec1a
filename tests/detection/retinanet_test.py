"""Tests of `maenas_tf.detection.retinanet`, `pyramid` and `trainer`."""

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.detection.pyramid import PredictionHead
from maenas_tf.detection.retinanet import AveragePrecision, pyramid_levels
from maenas_tf.detection.trainer import DetectorTrainer
from maenas_tf.engine.optimization import SGD
from tests import scripts
from tests.detection import replicas
from tests.detection.detectors import SIZE, make_detector

BOXES = tf.constant([[[2.0, 4, 14, 16], [18, 10, 30, 22]], [[-1.0] * 4] * 2])
CLASSES = tf.constant([[0.0, 1.0], [-1.0, -1.0]])


@pytest.fixture(scope="module")
def detector():
    return make_detector()


def images(count=2):
    rng = np.random.default_rng(0)
    return tf.constant(rng.normal(size=(count, SIZE, SIZE, 3)), tf.float32)


def test_a_pyramid_has_five_maps_whatever_the_backbone():
    assert pyramid_levels((3, 4, 5)) == ([3, 4, 5], 2)  # darts, imagenet
    assert pyramid_levels((0, 1, 2)) == ([2], 4)  # nasbench201; darts, cifar
    assert pyramid_levels((1, 2, 3)) == ([2, 3], 3)  # macro
    assert pyramid_levels((2, 3, 4, 5)) == ([3, 4, 5], 2)  # mobilenet


def test_an_image_without_boxes_is_all_background(detector):
    _, classes = detector.targets(BOXES, CLASSES)
    assert set(np.unique(classes[1])) == {-1}
    assert {0, 1} < set(np.unique(classes[0]))
    assert float(detector.num_taken((None, classes))) == np.sum(classes >= 0)


def test_what_the_targets_say_is_decoded_into_the_boxes(detector):
    boxes, classes = detector.targets(BOXES, CLASSES)
    logits = 12 * tf.one_hot(tf.cast(classes, tf.int32), 2) - 6
    found = detector.decode({"box": boxes, "classification": logits})
    assert found["num_detections"].numpy().tolist() == [2, 0]
    order = np.argsort(found["classes"][0, :2])
    np.testing.assert_allclose(
        found["boxes"].numpy()[0, order], BOXES[0], atol=1e-3
    )
    assert found["scores"][0, 0] > 0.9
    assert (found["scores"][1] == -1).numpy().all()
    assert (found["boxes"][1] == -1).numpy().all()


def test_losses_are_those_of_the_formulas(detector):
    targets = detector.targets(BOXES, CLASSES)
    outputs = detector(images())
    boxes, classes = (t.numpy() for t in targets)
    found = detector.losses(outputs, targets)
    differences = np.abs(boxes - outputs["box"].numpy())
    smooth = np.where(differences < 1, 0.5 * differences**2, differences - 0.5)
    expected = np.sum(smooth.mean(-1)[classes >= 0])
    assert float(sum(found[0])) == pytest.approx(expected, rel=1e-4)
    p = 1 / (1 + np.exp(-outputs["classification"].numpy().astype(float)))
    truth = np.eye(3)[classes.astype(int)][..., :2]
    right = np.where(truth == 1, p, 1 - p)
    alpha = np.where(truth == 1, 0.25, 0.75)
    focal = -alpha * (1 - right) ** 2 * np.log(right)
    expected = np.sum(focal.sum(-1)[classes != -2])
    assert float(sum(found[1])) == pytest.approx(expected, rel=1e-3)


def found_boxes(boxes, scores, classes):
    return {
        "boxes": tf.constant([boxes], tf.float32),
        "scores": tf.constant([scores], tf.float32),
        "classes": tf.constant([classes], tf.int64),
    }


def test_average_precision_counts_boxes_of_the_right_class_and_place():
    there = BOXES[:1].numpy().tolist()[0]
    empty = [-1.0] * 4
    for boxes, classes, expected in (
        (there, [0, 1], 1.0),
        # A class that is never found has no precision; nor has a wrong one.
        ([there[0], empty], [0, -1], 0.5),
        (there, [1, 0], 0.0),
        ([empty, empty], [-1, -1], 0.0),
    ):
        precision = AveragePrecision()
        scores = [0.9 if number >= 0 else -1.0 for number in classes]
        found = found_boxes(boxes, scores, classes)
        precision.add(BOXES[:1], CLASSES[:1], found)
        result = precision.result()
        assert result["ap50"] == pytest.approx(expected, abs=0.01)
        assert result["ap"] == pytest.approx(expected, abs=0.01)


def make_trainer(detector, **settings):
    trainer = DetectorTrainer(detector, **settings)
    trainer.compile(SGD(0.1, 0.0, name="optimizer"))
    return trainer


def test_a_step_moves_every_weight_and_a_batch_without_boxes_is_no_problem(
    detector,
):
    trainer = make_trainer(detector, weight_decay=0.0)
    before = [v.numpy() for v in trainer.trainable_variables]
    batch = {"image": images(), "boxes": BOXES, "classes": CLASSES}
    found = trainer.train_step(batch)
    loss = found["train_box_loss"] + found["train_class_loss"]
    assert float(found["train_loss"]) == pytest.approx(float(loss))
    moved = [
        not np.array_equal(v.numpy(), old)
        for v, old in zip(trainer.trainable_variables, before, strict=True)
    ]
    assert np.mean(moved) > 0.95
    empty = {
        "image": images(),
        "boxes": tf.fill(BOXES.shape, -1.0),
        "classes": tf.fill(CLASSES.shape, -1.0),
    }
    found = trainer.train_step(empty)
    assert float(found["train_box_loss"]) == 0
    assert 0 < float(found["train_class_loss"]) < np.inf


def test_two_replicas_train_as_one(tmp_path):
    scripts.run(replicas, tmp_path / "values.npz")
    with np.load(tmp_path / "values.npz") as arrays:
        values = dict(arrays)
    assert values.pop("unequal").tolist() == []
    names = [n.removeprefix("1/") for n in values if n.startswith("1/")]
    assert len(names) > 50
    for name in names:
        one, two, start = (values[f"{k}/{name}"] for k in (1, 2, 0))
        np.testing.assert_allclose(one, two, atol=2e-5, err_msg=name)
        if name == "box_head/last/kernel":
            assert np.abs(one - start).max() > 1e-3


@pytest.mark.parametrize(("channels", "groups"), [(32, 4), (8, 1), (12, 1)])
def test_heads_are_normalised_on_a_map_of_any_size(channels, groups):
    head = PredictionHead(6, channels)
    head.build((None, None, None, 5))
    assert [norm.groups for norm in head.norms] == [groups] * 3
    for side in (8, 1):
        x = 50.0 * tf.random.stateless_normal((2, side, side, 5), (1, side))
        values = head.norms[0](head.hidden[0](x))
        parts = tf.reshape(values, (2, -1, groups, channels // groups))
        assert np.allclose(tf.reduce_mean(parts, (1, 3)), 0.0, atol=1e-4)
        variances = tf.math.reduce_variance(parts, (1, 3))
        assert np.allclose(variances, 1.0, atol=0.01)
        assert head(x).shape == (2, side, side, 6)
        # What is a hundred times as large is seen as it was.
        np.testing.assert_allclose(head(100.0 * x), head(x), atol=2e-3)


def test_a_detector_of_before_normalised_heads_has_its_weights():
    plain = PredictionHead(6, 8, normalized=False)
    plain.build((None, None, None, 5))
    names = {variable.path.split("/", 1)[1] for variable in plain.variables}
    layers = ("hidden_0", "hidden_1", "hidden_2", "last")
    assert names == {f"{n}/{w}" for n in layers for w in ("kernel", "bias")}
