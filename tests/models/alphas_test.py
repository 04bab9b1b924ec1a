"""Tests of `maenas_tf.models.alphas`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.models.alphas import (
    ArchitectureParameters,
    Parameter,
    alpha_matrices,
)
from maenas_tf.spaces import SPACES
from tests.models.networks import ragged_space


def make(space, stddev=1e-3):
    return ArchitectureParameters(space, alpha_matrices(space, stddev))


@pytest.mark.parametrize("name", SPACES.names())
def test_there_is_one_matrix_for_each_cell_type(name):
    space = SPACES.get(name)
    architecture = make(space)
    shapes = {k: tuple(v.shape) for k, v in architecture.arrays.items()}
    assert shapes == {
        f"alphas_{t.name}": (t.num_edges, t.max_primitives)
        for t in space.cell_types
    }
    assert len(architecture.variables) == len(space.cell_types)


def test_alphas_begin_near_zero():
    alphas = make(SPACES.get("darts")).arrays["alphas_normal"].numpy()
    # 112 numbers: the standard error of their deviation is 7 percent.
    np.testing.assert_allclose(alphas.std(), 1e-3, rtol=0.3)
    np.testing.assert_allclose(alphas.mean(), 0.0, atol=5e-4)


@pytest.mark.parametrize("space", [SPACES.get("darts"), ragged_space()])
def test_weights_of_an_edge_are_the_softmax_of_its_alphas(space):
    architecture = make(space, stddev=1.0)
    for cell_type in space.cell_types:
        alphas = architecture.arrays[f"alphas_{cell_type.name}"].numpy()
        weights = architecture.numpy()[cell_type.name]
        np.testing.assert_allclose(weights.sum(1), 1.0, rtol=1e-6)
        for edge in cell_type.edges:
            size = len(edge.primitives)
            powers = np.exp(alphas[edge.index, :size])
            expected = powers / powers.sum()
            row = weights[edge.index]
            np.testing.assert_allclose(row[:size], expected, rtol=1e-5)
            np.testing.assert_array_equal(row[size:], 0.0)


def test_alphas_of_absent_candidates_get_no_gradient():
    space = ragged_space()
    architecture = make(space, stddev=1.0)
    matrix = architecture.arrays["alphas_normal"].value
    with tf.GradientTape() as tape:
        weights = architecture.edge_weights()["normal"]
        loss = tf.reduce_sum(weights * np.arange(3.0) ** 2)
    gradient = tape.gradient(loss, matrix).numpy()
    assert np.all(np.isfinite(gradient))
    for edge in space.cell_type("normal").edges:
        size = len(edge.primitives)
        np.testing.assert_array_equal(gradient[edge.index, size:], 0.0)
        if size > 1:
            assert np.all(np.abs(gradient[edge.index, :size]) > 1e-6)


def test_other_weights_may_be_made_of_other_arrays():
    space = ragged_space()
    zeros = keras.initializers.Zeros()
    parameters = {
        **alpha_matrices(space, 1.0),
        "scale": Parameter((1,), zeros, trainable=False),
    }

    def sigmoid(values, cell_type):
        logits = values[f"alphas_{cell_type.name}"]
        return tf.sigmoid(logits) + values["scale"]

    architecture = ArchitectureParameters(space, parameters, sigmoid)
    scale = architecture.arrays["scale"]
    assert architecture.non_trainable_variables == [scale]
    alphas = architecture.arrays["alphas_reduce"].numpy()
    weights = architecture.numpy()["reduce"]
    expected = 1.0 / (1.0 + np.exp(-alphas[1]))
    np.testing.assert_allclose(weights[1], expected, rtol=1e-5)
    # One candidate: the others do not exist and weigh nothing.
    np.testing.assert_array_equal(weights[0, 1:], 0.0)


def test_alphas_stay_float32_and_distinct_under_bfloat16():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        architecture = make(SPACES.get("nasbench201"))
        variable = architecture.arrays["alphas_cell"]
        # Steps of 1e-4 around 1, where bfloat16 has steps of 8e-3.
        near = 1.0 + 1e-4 * np.arange(30).reshape(6, 5)
        variable.assign(near)
        weights = architecture.edge_weights()["cell"]
    finally:
        keras.config.set_dtype_policy(before)
    assert variable.dtype == "float32"
    assert weights.dtype == tf.float32
    for row in weights.numpy():
        assert np.all(np.diff(row) > 0.0)
