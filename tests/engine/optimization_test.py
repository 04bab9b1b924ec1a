"""Tests of `maenas_tf.engine.optimization`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.engine.optimization import SGD, apply_summed


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_by_one_kernel_steps_as_keras_does(momentum, nesterov):
    results = []
    for optimizer_class in (keras.optimizers.SGD, SGD):
        variables = [keras.Variable([1.0, -2.0]), keras.Variable([[3.0]])]
        optimizer = optimizer_class(0.1, momentum, nesterov)
        optimizer.build(variables)

        @tf.function
        def step(optimizer=optimizer, variables=variables):
            values = [tf.convert_to_tensor(v) for v in variables]
            optimizer.apply([0.5 * value + 1.0 for value in values])

        for rate in (0.1, 0.1, 0.05):
            optimizer.learning_rate = rate
            step()
        assert int(optimizer.iterations) == 3
        results.append(
            [v.numpy() for v in (*variables, *optimizer.variables[2:])]
        )
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    assert abs(results[0][0][0] - 1.0) > 0.1


@pytest.mark.parametrize("clip_norm", [0.0, 1.0, 100.0])
def test_the_gradient_is_clipped_and_the_decay_is_not(clip_norm):
    variable = keras.Variable([1.0, 1.0])
    optimizer = SGD(1.0)
    optimizer.build([variable])
    gradients = [tf.constant([3.0, 4.0])]
    values = [tf.convert_to_tensor(variable)]
    apply_summed(optimizer, gradients, values, 0.5, clip_norm)
    scale = 0.2 if clip_norm == 1.0 else 1.0
    expected = [1 - 3 * scale - 0.5, 1 - 4 * scale - 0.5]
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-6)


def test_gradients_of_a_shape_are_clipped_and_decayed_at_once():
    rng = np.random.default_rng(0)
    shapes = [(2, 3), (3,), (2, 3), (3,), (2, 3), (1,)]
    initial = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    gradients = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    variables = [keras.Variable(value) for value in initial]
    optimizer = SGD(1.0, 0.9)
    optimizer.build(variables)

    @tf.function
    def step():
        values = [tf.convert_to_tensor(v) for v in variables]
        given = [tf.constant(g) for g in gradients]
        apply_summed(optimizer, given, values, 0.5, 1.0)

    step()
    norm = np.sqrt(sum(np.sum(np.square(g)) for g in gradients))
    for variable, value, gradient in zip(
        variables, initial, gradients, strict=True
    ):
        expected = value - gradient / norm - 0.5 * value
        np.testing.assert_allclose(variable.numpy(), expected, atol=1e-6)
    operations = step.get_concrete_function().graph.get_operations()
    # For each of three shapes one of the clip and one of the decay; the norm.
    assert sum(operation.type == "Mul" for operation in operations) == 7
