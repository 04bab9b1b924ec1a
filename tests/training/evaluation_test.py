"""Tests of `maenas_tf.training.evaluation`."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics

from maenas_tf.models.network import build_network
from maenas_tf.training.evaluation import (
    Evaluator,
    inference_parameters,
    measure,
)


def random_logits(count, num_classes, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, count)
    logits = rng.normal(size=(count, num_classes)).astype(np.float32)
    logits[np.arange(count), labels] += 1
    return logits, labels


@pytest.mark.parametrize("num_classes", [2, 7, 30])
def test_figures_are_those_of_scikit_learn(num_classes):
    logits, labels = random_logits(300, num_classes)
    found = measure(logits, labels)
    probabilities = tf.nn.softmax(logits.astype(np.float64)).numpy()
    known = range(num_classes)
    predicted = logits.argmax(-1)
    assert found.num_images == 300
    assert found.top1 == metrics.accuracy_score(labels, predicted)
    assert found.loss == pytest.approx(
        metrics.log_loss(labels, probabilities, labels=known)
    )
    np.testing.assert_array_equal(
        found.confusion,
        metrics.confusion_matrix(labels, predicted, labels=known),
    )
    if num_classes > 5:
        assert found.top5 == metrics.top_k_accuracy_score(
            labels, logits, k=5, labels=known
        )
        assert found.top5 > found.top1
    else:
        assert found.top5 == 1.0


def test_rows_of_the_confusion_are_the_true_classes():
    confusion = measure(np.array([[0.0, 1.0, 0.0]]), np.array([2])).confusion
    assert confusion[2, 1] == confusion.sum() == 1


def test_equal_logits_count_once():
    # A network that says nothing is not right about every class.
    found = measure(np.zeros((12, 12)), np.arange(12))
    assert found.top1 == pytest.approx(1 / 12)
    assert found.top5 == pytest.approx(5 / 12)
    assert found.loss == pytest.approx(np.log(12))


def test_large_logits_do_not_overflow():
    found = measure(np.array([[1e4, 0.0], [0.0, 1e4]]), np.array([0, 0]))
    assert found.loss == pytest.approx(5e3)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return build_network(
        "DARTS_V1", 6, init_channels=2, num_cells=3, auxiliary=True
    )


def test_the_evaluator_joins_batches_of_any_size(network):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(7, 32, 32, 3)).astype(np.float32)
    labels = rng.integers(0, 6, 7)
    dataset = tf.data.Dataset.from_tensor_slices(
        {"image": images, "label": labels}
    )
    evaluator = Evaluator(network)
    found = evaluator(dataset.batch(4))
    expected = measure(network(images, training=False).numpy(), labels)
    assert found.num_images == 7
    assert found.loss == pytest.approx(expected.loss, abs=1e-6)
    np.testing.assert_array_equal(found.confusion, expected.confusion)
    assert evaluator.latency(2, repeats=3) > 0


def test_no_images_are_an_error(network):
    dataset = tf.data.Dataset.from_tensor_slices(
        {"image": np.zeros((0, 32, 32, 3), np.float32), "label": [0][:0]}
    )
    with pytest.raises(ValueError, match="empty"):
        Evaluator(network)(dataset.batch(4))


def test_the_auxiliary_head_does_not_count(network):
    plain = build_network("DARTS_V1", 6, init_channels=2, num_cells=3)
    assert inference_parameters(network) == plain.count_params() - sum(
        int(np.prod(v.shape)) for v in plain.non_trainable_variables
    )
    assert network.count_params() > plain.count_params()


def test_the_balanced_accuracy_is_the_mean_over_classes_that_occur():
    # Ten of class 0, all found; two of class 1, one found; none of class 2.
    labels = np.array([0] * 10 + [1, 1])
    logits = np.eye(3)[[0] * 11 + [1]]
    found = measure(logits, labels)
    assert found.top1 == pytest.approx(11 / 12)
    assert found.balanced_accuracy == pytest.approx(0.75)
    predicted = logits.argmax(-1)
    assert found.balanced_accuracy == pytest.approx(
        metrics.balanced_accuracy_score(labels, predicted)
    )
    np.testing.assert_array_equal(found.class_accuracies, [1, 0.5, np.nan])
