"""Tests of `maenas_tf.searching.searcher`: its two phases.

Expected gradients are computed by a plain tape over the model's variables,
which shares no code with the searcher's own passes.
"""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.algorithms import bilevel
from maenas_tf.engine.step_runner import StepRunner
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.searching.searcher import Searcher
from tests.searching import small
from tests.searching.gradients import (
    Recorder,
    assert_close,
    assert_same,
    tape_gradient,
)
from tests.searching.small import flat, make_batch, make_searcher, values


def test_the_weight_optimizer_does_not_hold_the_alphas():
    searcher = make_searcher()
    alphas = {id(v) for v in searcher.alpha_variables}
    weights = {id(v) for v in searcher.weight_variables}
    assert len(alphas) == 1
    assert not alphas & weights
    everything = {id(v) for v in searcher.trainable_variables}
    assert alphas | weights == everything
    held = searcher.weight_optimizer._trainable_variables
    assert {id(v) for v in held} == weights
    assert {
        id(v) for v in searcher.alpha_optimizer._trainable_variables
    } == alphas


def test_the_weights_include_supernet_decoder_and_token():
    searcher = make_searcher(mask_fill="token")
    paths = " ".join(v.path for v in searcher.weight_variables)
    for part in ("trunk", "decoder", "mask_token"):
        assert part in paths


def test_alphas_stay_as_they_are_while_only_weights_move():
    # A decay that reached the alphas would show.
    searcher = make_searcher(weight_decay=0.3, alpha_weight_decay=0.3)
    searcher.update_alphas = False
    alphas = values(searcher.alpha_variables)
    slots = values(searcher.alpha_optimizer.variables)
    weights = values(searcher.weight_variables)
    for step in range(2):
        metrics = searcher.train_step(make_batch(searcher, step))
        assert set(metrics) == set(searcher.metric_keys) == {"weight_loss"}
    assert_same(values(searcher.alpha_variables), alphas)
    assert_same(values(searcher.alpha_optimizer.variables), slots)
    assert (flat(values(searcher.weight_variables)) != flat(weights)).any()


@pytest.mark.parametrize("order", ["first", "second"])
def test_alphas_go_first_and_leave_the_weights_alone(order, monkeypatch):
    searcher = make_searcher(order=order)
    weights = values(searcher.weight_variables)
    alphas = values(searcher.alpha_variables)
    slots = values(searcher.weight_optimizer.momentums)
    recorder = Recorder(searcher, monkeypatch)
    searcher.train_step(make_batch(searcher))
    assert recorder.names == ["alpha", "weight"]
    first, second = recorder.calls
    assert_same(first["weights"], weights)
    assert_same(first["alphas"], alphas)
    # Between the phases alphas have moved, and they alone.
    assert_same(second["weights"], weights)
    assert (flat(second["alphas"]) != flat(alphas)).all()
    assert_same(second["alphas"], values(searcher.alpha_variables))
    assert not flat(slots).any()
    assert searcher.weight_optimizer.iterations.numpy() == 1
    assert searcher.alpha_optimizer.iterations.numpy() == 1


def test_each_phase_descends_on_its_own_half(monkeypatch):
    decay, alpha_decay = 0.2, 0.5
    searcher = make_searcher(
        clip_norm=0.0, weight_decay=decay, alpha_weight_decay=alpha_decay
    )
    batch = make_batch(searcher)
    alphas = searcher.alpha_variables
    on_alphas = tape_gradient(searcher, batch["alphas"], alphas)
    on_weights = tape_gradient(searcher, batch["weights"], alphas)
    difference = np.linalg.norm(flat(on_alphas) - flat(on_weights))
    assert difference > 0.1 * np.linalg.norm(flat(on_alphas))
    recorder = Recorder(searcher, monkeypatch)
    searcher.train_step(batch)
    first, second = recorder.calls
    expected = [
        g + alpha_decay * a
        for g, a in zip(on_alphas, first["alphas"], strict=True)
    ]
    assert_close(first["gradients"], expected)

    # The weights' gradient is taken at the new alphas.
    again = make_searcher()
    for variable, value in zip(
        again.alpha_variables, second["alphas"], strict=True
    ):
        variable.assign(value)
    gradients = tape_gradient(again, batch["weights"], again.weight_variables)
    expected = [
        g + decay * w for g, w in zip(gradients, second["weights"], strict=True)
    ]
    assert_close(second["gradients"], expected)


def test_the_first_order_gradient_is_that_of_bilevel(monkeypatch):
    searcher = make_searcher(alpha_weight_decay=0.0)
    batch = make_batch(searcher)

    def loss(weights, alphas):
        variables = [*searcher.weight_variables, *searcher.alpha_variables]
        with keras.StatelessScope(
            list(zip(variables, [*weights, *alphas], strict=True))
        ):
            outputs = searcher(batch["alphas"], training=True)
        losses = searcher.task.losses(batch["alphas"], outputs)
        return tf.reduce_mean(losses)

    value, expected = bilevel.first_order(
        loss,
        [v.value for v in searcher.weight_variables],
        [v.value for v in searcher.alpha_variables],
    )
    recorder = Recorder(searcher, monkeypatch)
    metrics = searcher.train_step(batch)
    assert_close(recorder.calls[0]["gradients"], expected)
    np.testing.assert_allclose(metrics["alpha_loss"], value, rtol=1e-5)


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_weight_step_is_clip_then_decay_then_momentum(nesterov):
    rate, momentum, decay, clip = 0.5, 0.9, 0.1, 0.2
    settings = {
        "weight_learning_rate": rate,
        "momentum": momentum,
        "weight_decay": decay,
        "nesterov": nesterov,
        "clip_norm": clip,
    }
    searcher, twin = make_searcher(**settings), make_searcher(**settings)
    searcher.update_alphas = False
    weights = values(searcher.weight_variables)
    velocities = [np.zeros_like(w) for w in weights]
    for step in range(2):
        batch = make_batch(searcher, step)
        for variable, value in zip(twin.weight_variables, weights, strict=True):
            variable.assign(value)
        gradients = tape_gradient(twin, batch["weights"], twin.weight_variables)
        norm = np.linalg.norm(flat(gradients))
        assert norm > 2 * clip
        for i, (w, g) in enumerate(zip(weights, gradients, strict=True)):
            g = g * (clip / norm) + decay * w
            velocities[i] = momentum * velocities[i] - rate * g
            move = momentum * velocities[i] - rate * g
            weights[i] = w + (move if nesterov else velocities[i])
        searcher.train_step(batch)
        assert_close(values(searcher.weight_variables), weights)
    assert_close(values(searcher.weight_optimizer.momentums), velocities)


@pytest.mark.parametrize("clip_norm", [0.0, 1e3])
def test_a_clip_that_is_off_or_large_changes_nothing(clip_norm, monkeypatch):
    searcher = make_searcher(clip_norm=clip_norm, weight_decay=0.0)
    searcher.update_alphas = False
    batch = make_batch(searcher)
    expected = tape_gradient(
        searcher, batch["weights"], searcher.weight_variables
    )
    recorder = Recorder(searcher, monkeypatch)
    searcher.train_step(batch)
    assert_close(recorder.calls[0]["gradients"], expected)


def test_xla_is_off_unless_asked_for():
    assert make_searcher().jit_compile is False
    assert SearchConfig().jit_compile is False
    assert inspect.signature(StepRunner).parameters["jit_compile"].default is (
        False
    )


def test_the_experiment_makes_the_optimizers_of_darts(tmp_path):
    config = small.make_config(
        deterministic=False,
        momentum=0.8,
        nesterov=True,
        weight_learning_rate=0.03,
        weight_decay=3e-4,
        alpha_learning_rate=5e-4,
        clip_norm=4.0,
        order="second",
        hessian_vector_product="exact",
    )
    experiment = SearchExperiment(config, tmp_path, small.make_images())
    searcher = experiment.searcher
    alpha, weight = searcher.alpha_optimizer, searcher.weight_optimizer
    assert isinstance(searcher, Searcher)
    assert isinstance(alpha, keras.optimizers.Adam)
    assert (alpha.beta_1, alpha.beta_2, alpha.epsilon) == (0.5, 0.999, 1e-8)
    np.testing.assert_allclose(alpha.learning_rate, 5e-4)
    assert isinstance(weight, keras.optimizers.SGD)
    assert (weight.momentum, weight.nesterov) == (0.8, True)
    np.testing.assert_allclose(weight.learning_rate, 0.03)
    # Decay and clip are the searcher's; a second one would double them.
    for optimizer in (alpha, weight):
        assert not optimizer.weight_decay
        assert optimizer.clipnorm is None
        assert optimizer.global_clipnorm is None
        assert optimizer.clipvalue is None
    assert (searcher.clip_norm, searcher.weight_decay) == (4.0, 3e-4)
    assert searcher.alpha_weight_decay == config.alpha_weight_decay
    assert (searcher.order, searcher.hessian_vector_product) == (
        "second",
        "exact",
    )
