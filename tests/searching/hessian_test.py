"""Tests of `maenas_tf.searching.hessian` on losses of known curvature."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.searching.hessian import (
    DominantEigenvalue,
    hessian_vector_product,
)

SHAPES = ((4, 5), (2, 3))


def symmetric(eigenvalues, seed=0):
    """Returns a symmetric matrix of a given spectrum."""
    size = len(eigenvalues)
    noise = np.random.default_rng(seed).normal(size=(size, size))
    basis, _ = np.linalg.qr(noise)
    return basis @ np.diag(eigenvalues) @ basis.T


def alphas(seed=1):
    """Returns two float64 tensors, 26 numbers in all."""
    rng = np.random.default_rng(seed)
    return [tf.constant(rng.normal(size=shape)) for shape in SHAPES]


def flatten(tensors):
    return tf.concat([tf.reshape(t, [-1]) for t in tensors], 0)


def quadratic(matrix):
    """Returns a'Ha / 2 + sum a, whose Hessian is `matrix` everywhere."""

    def loss(tensors):
        flat = flatten(tensors)
        product = tf.linalg.matvec(tf.constant(matrix), flat)
        return tf.tensordot(flat, product, 1) / 2 + tf.reduce_sum(flat)

    return loss


def spectrum(largest):
    """Returns 26 eigenvalues, `largest` and others within 2 of zero."""
    others = np.random.default_rng(2).uniform(-2, 2, 25)
    return np.append(others, largest)


@pytest.mark.parametrize("largest", [3.0, -3.0, 1e4, -2.01])
def test_the_dominant_eigenvalue_of_a_quadratic_is_found_with_its_sign(
    largest,
):
    find = DominantEigenvalue(quadratic(symmetric(spectrum(largest))))
    found = find(alphas())
    assert found.value == pytest.approx(largest, rel=1e-5)
    assert found.converged
    assert found.residual <= 1e-3 * abs(largest)
    assert found.iterations <= 26


def test_nearly_equal_eigenvalues_of_both_signs_do_not_stop_it():
    # Plain power iteration needs thousands of products to tell these apart.
    values = spectrum(5.0)
    values[0] = -5.02
    found = DominantEigenvalue(quadratic(symmetric(values)))(alphas())
    assert found.value == pytest.approx(-5.02, rel=1e-6)
    assert found.converged


def test_too_few_iterations_show_in_the_residual():
    matrix = symmetric(spectrum(2.1))
    find = DominantEigenvalue(quadratic(matrix), max_iterations=6)
    found = find(alphas())
    assert (found.iterations, found.converged) == (6, False)
    assert found.residual > 1e-3 * abs(found.value)
    # The residual bounds the distance to the nearest eigenvalue.
    distance = np.abs(np.linalg.eigvalsh(matrix) - found.value).min()
    assert 0 < distance <= found.residual


@pytest.mark.parametrize("others", [0, 1, 2])
def test_few_directions_of_curvature_are_enough(others):
    # ARPACK's space is exhausted before it has as many dimensions as it may.
    values = np.zeros(26)
    values[: 1 + others] = [-3.0, 1.0, 0.5][: 1 + others]
    found = DominantEigenvalue(quadratic(symmetric(values)))(alphas())
    assert found.value == pytest.approx(-3.0, rel=1e-6)
    assert found.converged


@pytest.mark.parametrize("size", [1, 2, 3])
def test_few_alphas_are_enough(size):
    point = [tf.constant(np.arange(size), tf.float32)]
    found = DominantEigenvalue(
        lambda a: tf.reduce_sum(tf.range(1.0, size + 1.0) * a[0] ** 2)
    )(point)
    assert found.value == pytest.approx(2.0 * size, rel=1e-5)
    assert found.converged


def test_a_loss_without_curvature_has_the_eigenvalue_zero():
    found = DominantEigenvalue(lambda a: tf.reduce_sum(a[0]))(alphas())
    assert (found.value, found.iterations, found.converged) == (0.0, 1, True)


def test_a_loss_that_is_not_finite_gives_no_number():
    find = DominantEigenvalue(lambda a: tf.reduce_sum(tf.sqrt(a[0])))
    found = find([tf.constant([-1.0, 2.0])])
    assert np.isnan(found.value)
    assert not found.converged


def test_the_same_seed_gives_the_same_bits_and_another_a_near_value():
    loss = quadratic(symmetric(spectrum(3.0)))
    first, again, other = (
        DominantEigenvalue(loss, seed)(alphas()) for seed in (0, 0, 1)
    )
    assert first == again
    assert other != first
    assert other.value == pytest.approx(first.value, rel=1e-5)


def test_the_product_is_that_with_the_full_hessian():
    def loss(tensors):
        flat = flatten(tensors)
        return tf.reduce_sum(tf.sin(flat) * tf.roll(flat, 1, 0) ** 3)

    point, vector = alphas(), alphas(3)
    with tf.GradientTape() as outer:
        flat = flatten(point)
        outer.watch(flat)
        with tf.GradientTape() as inner:
            inner.watch(flat)
            parts = tf.split(flat, [20, 6])
            value = loss([tf.reshape(parts[0], (4, 5)), parts[1]])
        gradient = inner.gradient(value, flat)
    hessian = outer.jacobian(gradient, flat).numpy()
    product = hessian_vector_product(loss, point, vector)
    assert [p.shape for p in product] == [p.shape for p in point]
    np.testing.assert_allclose(
        flatten(product), hessian @ flatten(vector).numpy(), rtol=1e-10
    )


def test_one_trace_serves_all_iterations_points_and_variables():
    traces = []
    weight = tf.Variable(1.0, dtype=tf.float64)

    def loss(tensors):
        traces.append(1)
        return weight * tf.reduce_sum(flatten(tensors) ** 4)

    find = DominantEigenvalue(loss)
    first = find(alphas(1)).value
    other = find(alphas(2)).value
    assert len(traces) == 1
    largest = [np.abs(flatten(alphas(seed))).max() for seed in (1, 2)]
    np.testing.assert_allclose(
        [first, other], [12 * a**2 for a in largest], rtol=1e-4
    )
    weight.assign(-2.0)
    np.testing.assert_allclose(find(alphas(2)).value, -2 * other, rtol=1e-4)
    assert len(traces) == 1


@pytest.mark.parametrize(
    "settings", [{"tolerance": 0.0}, {"max_iterations": 0}]
)
def test_bad_settings_are_named(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"{name}=0"):
        DominantEigenvalue(lambda a: 0.0, **settings)


def test_no_alphas_are_refused():
    with pytest.raises(ValueError, match="alphas is empty"):
        DominantEigenvalue(lambda a: tf.constant(0.0))([])
