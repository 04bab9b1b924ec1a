"""Tests of `maenas_tf.tasks.supervised`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.skeletons import head_of
from maenas_tf.spaces import SPACES
from tests.tasks import examples


def make_task(num_classes=4, **changes):
    return examples.make_task(
        "supervised", num_classes=num_classes, dataset="some_set", **changes
    )


def make_batch():
    rng = np.random.default_rng(0)
    labels = np.array([0, 3, 1, 1, 2], np.int32)
    logits = rng.normal(size=(5, 4)).astype(np.float32)
    return {"label": tf.constant(labels)}, labels, logits


def test_the_loss_is_the_cross_entropy_of_each_image():
    batch, labels, logits = make_batch()
    chances = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = -np.log(chances[np.arange(5), labels])
    found = make_task().losses(batch, tf.constant(logits))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_accuracy_is_1_where_the_largest_logit_is_the_label():
    batch, labels, logits = make_batch()
    logits[0, 0] = logits[1, 3] = logits[2, 0] = 9.0
    logits[3, 2] = logits[4, 2] = 9.0
    found = make_task().metrics(batch, tf.constant(logits))
    assert list(found) == ["accuracy"]
    np.testing.assert_array_equal(found["accuracy"], [1, 1, 0, 0, 1])


def test_the_map_passes_image_and_label_on():
    example = {"image": tf.ones([8, 8, 3]), "label": tf.constant(2)}
    mapped = make_task().map(example, tf.constant([0, 0]))
    assert set(mapped) == {"input", "label"}
    np.testing.assert_array_equal(mapped["input"], example["image"])
    assert mapped["label"] == 2


@pytest.mark.parametrize(
    ("space", "activation"), [("darts", ""), ("nasbench201", "relu")]
)
def test_the_head_is_that_of_the_skeleton(space, activation):
    head = make_task(7).build_head(head_of(SPACES.get(space)))
    assert (head.num_classes, head.form.activation) == (7, activation)


@pytest.mark.parametrize("num_classes", [0, 1])
def test_fewer_than_two_classes_are_an_error_with_a_remedy(num_classes):
    with pytest.raises(ConfigError, match="--task=supervised.*some_set.*mae"):
        make_task(num_classes)


def test_balanced_classes_weigh_the_loss_and_not_the_accuracy():
    batch, labels, logits = make_batch()
    plain = make_task()
    counts = (10, 20, 5, 5)
    weighted = make_task(class_weight="balanced", class_counts=counts)
    weights = 40 / (4 * np.array(counts))
    assert weighted.class_weights == pytest.approx(weights)
    assert plain.class_weights == ()
    np.testing.assert_allclose(
        weighted.losses(batch, tf.constant(logits)),
        plain.losses(batch, tf.constant(logits)) * weights[labels],
        rtol=1e-6,
    )
    np.testing.assert_array_equal(
        weighted.metrics(batch, tf.constant(logits))["accuracy"],
        plain.metrics(batch, tf.constant(logits))["accuracy"],
    )
