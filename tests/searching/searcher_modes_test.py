"""Tests of `maenas_tf.searching.searcher`: second order, fit, precision."""

from __future__ import annotations

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.engine.step_runner import StepRunner
from tests.searching.gradients import Recorder, assert_same, tape_gradient
from tests.searching.small import (
    ONE_EDGE,
    flat,
    make_batch,
    make_searcher,
    values,
)

RATE, MOMENTUM, DECAY = 0.5, 0.9, 0.1


def mixed_product(searcher, batch, vector):
    """Returns grad_a (grad_w L . vector) by two tapes over the variables."""
    weights = [v.value for v in searcher.weight_variables]
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            outputs = searcher(batch, training=True)
            loss = tf.reduce_mean(searcher.task.losses(batch, outputs))
        gradients = inner.gradient(loss, weights)
        product = tf.add_n(
            [
                tf.reduce_sum(g * v)
                for g, v in zip(gradients, vector, strict=True)
            ]
        )
    return outer.gradient(product, [v.value for v in searcher.alpha_variables])


@pytest.mark.parametrize(
    ("product", "tolerance"), [("exact", 1e-4), ("finite_difference", 1e-3)]
)
def test_second_order_on_a_supernet_goes_through_one_step_of_sgd(
    product, tolerance, monkeypatch
):
    # Expected is equation 7 of DARTS, by tapes over a model whose weights are
    # w and then w'. Softplus stands for ReLU, whose kinks central differences
    # step over and the exact product does not see: on few images the two are
    # far apart. Measured on the smooth network, relative to the product: 2e-7
    # (exact) and 3e-5. A product times eps, not divided by it, is at 1.
    monkeypatch.setattr(tf.nn, "relu", tf.nn.softplus)
    searcher = make_searcher(
        order="second",
        hessian_vector_product=product,
        weight_learning_rate=RATE,
        momentum=MOMENTUM,
        weight_decay=DECAY,
        alpha_weight_decay=0.0,
    )
    searcher.update_alphas = False
    searcher.train_step(make_batch(searcher, 9))  # fills the velocities
    searcher.update_alphas = True
    batch = make_batch(searcher)
    alphas, weights = searcher.alpha_variables, searcher.weight_variables
    start = values(weights)

    first = flat(tape_gradient(searcher, batch["alphas"], alphas))
    gradients = tape_gradient(searcher, batch["weights"], weights)
    velocities = values(searcher.weight_optimizer.momentums)
    assert np.linalg.norm(flat(velocities)) > 0.1
    for w, g, u in zip(weights, gradients, velocities, strict=True):
        w.assign(w + MOMENTUM * u - RATE * (g + DECAY * w))
    vector = tape_gradient(searcher, batch["alphas"], weights)
    at_virtual = flat(tape_gradient(searcher, batch["alphas"], alphas))
    for w, value in zip(weights, start, strict=True):
        w.assign(value)
    correction = RATE * flat(mixed_product(searcher, batch["weights"], vector))

    recorder = Recorder(searcher, monkeypatch)
    searcher.train_step(batch)
    found = flat(recorder.calls[0]["gradients"])
    error = np.linalg.norm(found - (at_virtual - correction))
    assert error < tolerance * np.linalg.norm(correction)
    # Both parts matter: neither the first order nor w' alone would do.
    for part in (at_virtual - first, correction):
        assert np.linalg.norm(part) > 0.1 * np.linalg.norm(first)


@pytest.mark.parametrize("order", ["first", "second"])
def test_virtual_and_perturbed_passes_leave_no_trace(order, monkeypatch):
    searcher = make_searcher(space="s4", order=order)
    counters = searcher.non_trainable_variables
    assert len(counters) > 10
    assert all(v.name == "calls" for v in counters)
    weights = values(searcher.weight_variables)
    recorder = Recorder(searcher, monkeypatch)
    for step in range(2):
        searcher.train_step(make_batch(searcher, step))
        assert {int(v.value) for v in counters} == {step + 1}
    assert_same(recorder.calls[0]["weights"], weights)
    assert_same(recorder.calls[1]["weights"], weights)


def test_fit_gives_what_the_loop_gives():
    settings = {"space": "one_edge"}
    batches = [make_batch(make_searcher(**settings), seed) for seed in range(3)]
    stacked = tf.nest.map_structure(lambda *x: tf.stack(x), *batches)
    dataset = tf.data.Dataset.from_tensor_slices(stacked)
    assert set(dataset.element_spec) == {"weights", "alphas"}
    results = []
    with without_grappler():
        searcher = make_searcher(**settings)
        history = searcher.fit(dataset, epochs=1, verbose=0, shuffle=False)
        assert {"weight_loss", "alpha_loss"} <= set(history.history)
        results.append(searcher)
        searcher = make_searcher(**settings)
        runner = StepRunner(searcher, tf.distribute.get_strategy())
        sums = runner(iter(dataset), 3)
        results.append(searcher)
    assert sums["num_finite"] == 3
    eager = make_searcher(**settings)
    for batch in dataset:
        eager.train_step(batch)
    results.append(eager)
    for kind in ("alpha", "weight"):
        variables = [values(getattr(s, f"{kind}_variables")) for s in results]
        fresh = make_searcher(**settings)
        start = values(getattr(fresh, f"{kind}_variables"))
        moved = np.linalg.norm(flat(variables[2]) - flat(start))
        for other in variables[:2]:
            error = np.linalg.norm(flat(other) - flat(variables[2]))
            assert 0 < moved
            assert error < 1e-3 * moved


@contextlib.contextmanager
def without_grappler():
    """Saves the time of the graph optimizer."""
    options = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": True}
    )
    yield
    tf.config.optimizer.set_experimental_options(
        {"disable_meta_optimizer": options["disable_meta_optimizer"]}
    )


def test_another_draw_needs_another_graph():
    searcher = make_searcher(space=ONE_EDGE.name)
    modes = [searcher.mode]
    for draw in (lambda step: {}, lambda step: {}, None):
        searcher.draw = draw
        modes.append(searcher.mode)
    assert modes[0] == modes[-1]
    assert len(set(modes)) == 3


@pytest.fixture
def bfloat16():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    keras.mixed_precision.set_global_policy("float32")


@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize("order", ["first", "second"])
def test_alphas_stay_float32_and_distinct_under_bfloat16(order):
    searcher = make_searcher(order=order)
    batch = make_batch(searcher)
    assert searcher(batch["weights"]).dtype == tf.bfloat16
    for step in range(2):
        metrics = searcher.train_step(make_batch(searcher, step))
        assert all(np.isfinite(value) for value in metrics.values())
    (alphas,) = searcher.alpha_variables
    assert alphas.dtype == "float32"
    # They start 1e-3 apart: bfloat16 weights near 0.2 are steps of 1e-3.
    assert np.unique(alphas.value.numpy()).size == 30
    edge_weights = searcher.supernet.architecture.numpy()["cell"]
    assert edge_weights.dtype == np.float32
    assert np.unique(edge_weights).size == 30


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_xla_takes_the_step_that_the_graph_takes(precision):
    """And leaves the alphas float32 and distinct."""
    keras.mixed_precision.set_global_policy(precision)
    try:
        found = []
        for jit_compile in (False, True):
            searcher = make_searcher(space=ONE_EDGE.name)
            runner = StepRunner(
                searcher, tf.distribute.get_strategy(), jit_compile
            )
            batch = make_batch(searcher)
            dataset = tf.data.Dataset.from_tensors(batch).repeat()
            runner(iter(dataset), 2)
            found.append(searcher)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    graph, xla = ([v.value.numpy() for v in s.alpha_variables] for s in found)
    tolerance = 1e-5 if precision == "float32" else 1e-3
    for wanted, value in zip(graph, xla, strict=True):
        assert value.dtype == np.float32
        assert np.unique(value).size == value.size
        np.testing.assert_allclose(value, wanted, atol=tolerance)
