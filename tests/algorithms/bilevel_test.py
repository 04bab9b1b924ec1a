"""Tests of `maenas_tf.algorithms.bilevel`, in float64.

The quadratic problem is

    L_train = w'Aw / 2 + w'Ba + c'w
    L_val   = (w - t)'C(w - t) / 2 + w'Ea + a'Da / 2

for which everything is known: with the virtual step w' = w + s u - xi (Aw +
Ba + c + d w), where u is the velocity, d the weight decay and s = m (momentum)
or m^2 (Nesterov),

    d L_val(w', a) / da = Da + E'w' - xi B'v,    v = C(w' - t) + Ea.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.algorithms import bilevel

# A float32 holds it exactly: a rate is cast from one.
RATE = 0.125


class Quadratic:
    """The problem above; w is split into two tensors, a into a matrix."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.w, self.u, self.c, self.t = rng.normal(size=(4, 5))
        self.a = rng.normal(size=4)
        self.A, self.C = (x + x.T for x in rng.normal(size=(2, 5, 5)))
        self.B, self.E = rng.normal(size=(2, 5, 4))
        self.D = np.diag(rng.normal(size=4))

    def split(self, w):
        return [tf.constant(w[:2]), tf.constant(w[2:])]

    @property
    def weights(self):
        return self.split(self.w)

    @property
    def alphas(self):
        return [tf.constant(self.a.reshape(2, 2))]

    def train_loss(self, weights, alphas):
        w, a = tf.concat(weights, 0), tf.reshape(alphas[0], [-1])
        return _dot(w, self.A @ w[:, None]) / 2 + _dot(
            w, self.B @ a[:, None] + self.c[:, None]
        )

    def validation_loss(self, weights, alphas):
        w, a = tf.concat(weights, 0), tf.reshape(alphas[0], [-1])
        return (
            _dot(w - self.t, self.C @ (w - self.t)[:, None]) / 2
            + _dot(w, self.E @ a[:, None])
            + _dot(a, self.D @ a[:, None]) / 2
        )

    def closed_form(self, momentum=0.0, nesterov=False, decay=0.0):
        gradient = self.A @ self.w + self.B @ self.a + self.c
        gradient = gradient + decay * self.w
        pull, xi = momentum, RATE
        if nesterov:
            pull, xi = momentum**2, RATE * (1 + momentum)
        virtual = self.w + pull * self.u - xi * gradient
        v = self.C @ (virtual - self.t) + self.E @ self.a
        return self.D @ self.a + self.E.T @ virtual - xi * self.B.T @ v

    def virtual_step(self, momentum=0.0, nesterov=False, decay=0.0):
        velocities = self.split(self.u)

        def step(weights, gradients):
            return bilevel.sgd_virtual_step(
                weights, gradients, velocities, RATE, momentum, nesterov, decay
            )

        return step


def _dot(x, column):
    return tf.reduce_sum(x * tf.squeeze(column, -1))


class Tanh:
    """A problem with every derivative, and with no closed form."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.inputs = rng.normal(size=(2, 6, 3))
        self.targets = rng.normal(size=(2, 6, 2))
        self.weights = [
            tf.constant(rng.normal(size=shape)) for shape in ((3, 4), (4, 2))
        ]
        self.alphas = [
            tf.constant(rng.normal(size=shape)) for shape in ((2,), (4,))
        ]

    def loss(self, half, weights, alphas):
        mix = tf.nn.softmax(alphas[0])
        x = tf.matmul(self.inputs[half], weights[0])
        x = mix[0] * tf.tanh(x * alphas[1]) + mix[1] * x
        error = tf.tanh(tf.matmul(x, weights[1])) - self.targets[half]
        return tf.reduce_mean(tf.square(error))

    def train_loss(self, weights, alphas):
        return self.loss(0, weights, alphas)

    def validation_loss(self, weights, alphas):
        return self.loss(1, weights, alphas)

    def virtual_step(self, weights, gradients):
        velocities = [0.1 * tf.ones_like(w) for w in weights]
        return bilevel.sgd_virtual_step(
            weights, gradients, velocities, 0.5, 0.9, True, 1e-2
        )

    def second_order(self, product):
        return bilevel.second_order(
            self.train_loss,
            self.validation_loss,
            self.weights,
            self.alphas,
            self.virtual_step,
            product,
        )


def flat(tensors):
    return np.concatenate([np.reshape(t, -1) for t in tensors])


def numeric(function, arguments, step=1e-5):
    """Returns the derivative of function(flat array) by central differences."""
    x = flat(arguments)
    gradient = np.zeros_like(x)
    for i in range(x.size):
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        gradient[i] = (function(up) - function(down)) / (2 * step)
    return gradient


def test_first_order_is_the_partial_derivative():
    problem = Quadratic()
    loss, (gradient,) = bilevel.first_order(
        problem.validation_loss, problem.weights, problem.alphas
    )
    expected = problem.D @ problem.a + problem.E.T @ problem.w
    np.testing.assert_allclose(gradient, expected.reshape(2, 2), rtol=1e-12)
    assert loss == problem.validation_loss(problem.weights, problem.alphas)


@pytest.mark.parametrize("product", ["finite_difference", "exact"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"momentum": 0.9},
        {"decay": 0.3},
        {"momentum": 0.9, "decay": 0.3},
        {"momentum": 0.9, "decay": 0.3, "nesterov": True},
    ],
)
def test_second_order_is_the_closed_form_on_a_quadratic(settings, product):
    # Central differences are exact on a quadratic, up to rounding. A product
    # multiplied by eps where it must be divided fails here.
    problem = Quadratic()
    loss, (gradient,) = bilevel.second_order(
        problem.train_loss,
        problem.validation_loss,
        problem.weights,
        problem.alphas,
        problem.virtual_step(**settings),
        product,
    )
    expected = problem.closed_form(**settings).reshape(2, 2)
    np.testing.assert_allclose(gradient, expected, rtol=1e-9)
    (first,) = bilevel.first_order(
        problem.validation_loss, problem.weights, problem.alphas
    )[1]
    assert np.abs(expected - first).max() > 0.1
    virtual, _ = problem.virtual_step(**settings)(
        problem.weights,
        bilevel.gradient(
            problem.train_loss, problem.weights, problem.alphas, "weights"
        )[1],
    )
    np.testing.assert_allclose(
        loss, problem.validation_loss(virtual, problem.alphas), rtol=1e-12
    )


def test_finite_difference_agrees_with_exact_on_a_curved_problem():
    # The error of central differences is O(eps^2), eps ||v|| = 0.01.
    problem = Tanh()
    exact = flat(problem.second_order("exact")[1])
    differences = flat(problem.second_order("finite_difference")[1])
    first = flat(
        bilevel.first_order(
            problem.validation_loss, problem.weights, problem.alphas
        )[1]
    )
    size = np.linalg.norm(exact - first)
    assert 1e-12 < np.linalg.norm(differences - exact) < 1e-4 * size


@pytest.mark.parametrize(
    ("product", "tolerance"), [("exact", 1e-8), ("finite_difference", 1e-4)]
)
def test_second_order_is_the_derivative_through_the_step(product, tolerance):
    problem = Tanh()

    def outer(values):
        alphas = [tf.constant(values[:2]), tf.constant(values[2:])]
        _, gradients = bilevel.gradient(
            problem.train_loss, problem.weights, alphas, "weights"
        )
        virtual, _ = problem.virtual_step(problem.weights, gradients)
        return problem.validation_loss(virtual, alphas).numpy()

    expected = numeric(outer, problem.alphas)
    gradient = flat(problem.second_order(product)[1])
    error = np.linalg.norm(gradient - expected)
    assert error < tolerance * np.linalg.norm(expected)


def test_shares_of_the_loss_give_a_share_of_the_gradient():
    # Two replicas with the same images: each holds half of the loss, and a
    # sum over the replicas doubles.
    problem = Quadratic()

    def half(loss):
        return lambda weights, alphas: loss(weights, alphas) / 2

    _, (share,) = bilevel.second_order(
        half(problem.train_loss),
        half(problem.validation_loss),
        problem.weights,
        problem.alphas,
        problem.virtual_step(momentum=0.9, decay=0.3),
        all_reduce=lambda tensors: [2.0 * t for t in tensors],
    )
    expected = problem.closed_form(momentum=0.9, decay=0.3).reshape(2, 2)
    np.testing.assert_allclose(2.0 * share, expected, rtol=1e-9)


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_virtual_step_is_the_next_step_of_keras_sgd(nesterov):
    rng = np.random.default_rng(2)
    start, first, second = rng.normal(size=(3, 4))
    # A float32 holds momentum and rate exactly: Keras casts them to one.
    momentum, decay = 0.875, 0.3
    variable = keras.Variable(start, dtype="float64")
    optimizer = keras.optimizers.SGD(RATE, momentum, nesterov)
    optimizer.apply([tf.constant(first)], [variable])
    weights = [tf.constant(variable.numpy())]
    velocities = [tf.convert_to_tensor(optimizer.momentums[0])]
    assert np.abs(velocities[0]).min() > 0
    virtual, xi = bilevel.sgd_virtual_step(
        weights,
        [tf.constant(second)],
        velocities,
        RATE,
        momentum,
        nesterov,
        decay,
    )
    optimizer.apply([second + decay * weights[0]], [variable])
    np.testing.assert_allclose(virtual[0], variable.numpy(), rtol=1e-12)
    np.testing.assert_allclose(xi, RATE * (1 + momentum * nesterov))


def test_a_vanishing_vector_has_a_vanishing_product():
    problem = Quadratic()
    for product in ("finite_difference", "exact"):
        _, (gradient,) = bilevel.second_order(
            problem.train_loss,
            lambda weights, alphas: tf.reduce_sum(tf.square(alphas[0])),
            problem.weights,
            problem.alphas,
            problem.virtual_step(),
            product,
        )
        np.testing.assert_allclose(gradient, 2.0 * problem.alphas[0])


def test_gradient_gives_what_is_asked_for_and_zeros_without_a_path():
    weights, alphas = [tf.constant([3.0])], [tf.constant([5.0])]

    def loss(weights, alphas):
        return tf.reduce_sum(tf.square(weights[0]))

    for name, expected in (
        ("weights", [6.0]),
        ("alphas", [0.0]),
        ("both", [6.0, 0.0]),
    ):
        value, found = bilevel.gradient(loss, weights, alphas, name)
        assert value == 9.0
        assert flat(found).tolist() == expected


def test_an_unknown_product_is_an_error_that_names_the_known():
    problem = Quadratic()
    with pytest.raises(ValueError, match=r"'psychic'.*finite_difference, exa"):
        bilevel.second_order(
            problem.train_loss,
            problem.validation_loss,
            problem.weights,
            problem.alphas,
            problem.virtual_step(),
            "psychic",
        )
