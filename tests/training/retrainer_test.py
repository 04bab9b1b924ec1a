"""Tests of `maenas_tf.training.retrainer`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.engine.optimization import SGD
from maenas_tf.models.network import Network
from maenas_tf.training.retrainer import Retrainer
from tests import scripts
from tests.training import retrainer_replicas

DEAD_END = "|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"


def make(genotype="DARTS_V1", auxiliary=False, seed=0, **settings):
    """Returns a small compiled retrainer; SGD 0.1, momentum 0.9."""
    keras.utils.set_random_seed(seed)
    num_cells = 1 if genotype.startswith("|") else 3
    network = Network(genotype, 5, 2, num_cells, auxiliary=auxiliary)
    retrainer = Retrainer(network, **settings)
    retrainer.compile(SGD(0.1, 0.9))
    return retrainer


def make_batch(seed=0, count=6, side=32):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, side, side, 3))
    return {
        "image": tf.constant(values, tf.float32),
        "label": tf.constant(rng.integers(0, 5, count), tf.int32),
    }


def values(retrainer):
    return [v.numpy() for v in retrainer.trainable_variables]


def gradients_of(retrainer, batch, auxiliary_weight):
    """The gradient of the objective, through Keras' own cross-entropy."""
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        logits, middle = retrainer.network.call_with_auxiliary(
            batch["image"], training=True
        )
        loss = entropy(batch["label"], logits)
        if middle is not None:
            loss += auxiliary_weight * entropy(batch["label"], middle)
    variables = [v.value for v in retrainer.trainable_variables]
    return float(loss), [g.numpy() for g in tape.gradient(loss, variables)]


@pytest.mark.parametrize("auxiliary_weight", [0.0, 0.4])
@pytest.mark.parametrize("clip_norm", [0.0, 0.5])
def test_two_steps_are_those_of_sgd_by_hand(auxiliary_weight, clip_norm):
    retrainer = make(
        auxiliary=auxiliary_weight > 0,
        auxiliary_weight=auxiliary_weight,
        clip_norm=clip_norm,
        weight_decay=0.02,
    )
    velocity = 0.0
    for step in range(2):
        batch = make_batch(step)
        before = values(retrainer)
        loss, gradients = gradients_of(retrainer, batch, auxiliary_weight)
        norm = np.sqrt(sum(np.square(g).sum() for g in gradients))
        assert norm > 2 * 0.5  # the clip would be at work
        scale = min(1.0, clip_norm / norm) if clip_norm else 1.0
        found = retrainer.train_step(batch)
        assert float(found["train_loss"]) == pytest.approx(loss, rel=1e-5)
        flat = np.concatenate(
            [
                (scale * g + 0.02 * w).ravel()
                for g, w in zip(gradients, before, strict=True)
            ]
        )
        velocity = 0.9 * velocity - 0.1 * flat
        moved = np.concatenate(
            [
                (a - b).ravel()
                for a, b in zip(values(retrainer), before, strict=True)
            ]
        )
        np.testing.assert_allclose(moved, velocity, atol=2e-6)


def test_accuracy_is_that_before_the_step():
    retrainer, batch = make(), make_batch()
    logits = retrainer.network(batch["image"], training=True)
    expected = np.mean(np.argmax(logits, -1) == batch["label"].numpy())
    found = retrainer.train_step(batch)
    assert float(found["train_accuracy"]) == pytest.approx(expected)


def test_smoothed_labels_give_the_loss_of_the_formula():
    retrainer = make(label_smoothing=0.1)
    logits = np.random.default_rng(0).normal(size=(4, 5))
    labels = np.array([0, 4, 2, 2])
    found = retrainer.losses(tf.constant(labels), tf.constant(logits))
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    truth = 0.9 * np.eye(5)[labels] + 0.02
    np.testing.assert_allclose(found, -(truth * log_p).sum(-1), rtol=1e-5)


def test_without_smoothing_it_is_the_cross_entropy():
    retrainer = make()
    logits = tf.constant([[1.0, 2, 3, 4, 5]])
    found = retrainer.losses(tf.constant([1]), logits)
    expected = tf.nn.sparse_softmax_cross_entropy_with_logits([1], logits)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_training_moves_every_weight_and_every_moving_average():
    retrainer = make(auxiliary=True, auxiliary_weight=0.4)
    before = [v.numpy() for v in retrainer.network.variables]
    retrainer.train_step(make_batch())
    still = [
        v.path
        for v, old in zip(retrainer.network.variables, before, strict=True)
        if np.array_equal(v.numpy(), old)
    ]
    assert still == []


def test_weights_that_lead_nowhere_do_not_stop_the_training():
    retrainer = make(DEAD_END)
    first = float(retrainer.train_step(make_batch())["train_loss"])
    for _ in range(5):
        last = float(retrainer.train_step(make_batch())["train_loss"])
    assert last < first


def test_fit_drives_it_as_any_keras_model():
    batch = make_batch()
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(6)
    fitted, stepped = make(), make()
    history = fitted.fit(dataset, verbose=0)
    metrics = stepped.train_step(batch)
    for one, other in zip(values(fitted), values(stepped), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert history.history["train_loss"][-1] == pytest.approx(
        float(metrics["train_loss"]), rel=1e-3
    )


def test_the_published_imagenet_geometry_has_a_step_with_its_auxiliary_head():
    # Three cells end, as fourteen do, at 7x7.
    network = Network(
        "DARTS_V2", 5, 2, 3, image_size=224, stem="imagenet", auxiliary=True
    )
    assert network.trunk.auxiliary_shape[1:3] == (7, 7)
    retrainer = Retrainer(network, auxiliary_weight=0.4)
    retrainer.compile(SGD(0.1, 0.9))
    before = values(retrainer)
    logs = retrainer.train_step(make_batch(count=2, side=224))
    assert np.isfinite(float(logs["train_loss"]))
    moved = [
        np.any(new != old)
        for new, old in zip(values(retrainer), before, strict=True)
    ]
    assert all(moved)


def test_an_auxiliary_head_needs_a_weight_and_a_weight_a_head():
    for auxiliary, weight in ((True, 0.0), (False, 0.4)):
        with pytest.raises(ValueError, match="auxiliary_weight"):
            make(auxiliary=auxiliary, auxiliary_weight=weight)


@pytest.fixture(scope="module")
def replicas(tmp_path_factory):
    path = tmp_path_factory.mktemp("replicas") / "results.npz"
    scripts.run(retrainer_replicas, path)
    with np.load(path) as file:
        return dict(file)


@pytest.mark.parametrize(
    ("which", "tolerance"), [("training", 1e-9), ("pretraining", 1e-5)]
)
def test_one_and_two_replicas_train_alike(replicas, which, tolerance):
    begin = f"1/{which}/"
    names = [n.removeprefix("1/") for n in replicas if n.startswith(begin)]
    assert len(names) > 20
    for name in names:
        np.testing.assert_allclose(
            replicas[f"2/{name}"],
            replicas[f"1/{name}"],
            rtol=tolerance,
            atol=tolerance,
            err_msg=name,
        )


def test_the_moving_averages_of_two_replicas_are_equal(replicas):
    assert replicas["unequal"].tolist() == []
    averages = [n for n in replicas if n.endswith("moving_mean")]
    assert len(averages) > 10
    assert all(np.abs(replicas[name]).max() > 0 for name in averages)


def test_the_losses_of_a_class_have_its_weight():
    batch = make_batch()
    labels, weights = batch["label"].numpy(), (0.5, 2.0, 1.0, 3.0, 0.25)
    logits = tf.constant(np.random.default_rng(0).normal(size=(6, 5)))
    plain = make(DEAD_END, label_smoothing=0.1)
    weighted = make(DEAD_END, label_smoothing=0.1, class_weights=weights)
    np.testing.assert_allclose(
        weighted.losses(batch["label"], logits),
        plain.losses(batch["label"], logits) * np.array(weights)[labels],
        rtol=1e-6,
    )
