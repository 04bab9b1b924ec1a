"""Tests of `maenas_tf.ops.recompute`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.ops.recompute import recompute
from tests import scripts
from tests.ops import recompute_script


class Block(keras.layers.Layer):
    """A product of the inputs, a kernel and noise from a counter."""

    def build(self, input_shape=None):
        self.kernel = self.add_weight(
            name="kernel", shape=(3, 3), initializer="ones"
        )
        self.calls = self.add_weight(
            name="calls", shape=(), dtype="int32", trainable=False
        )
        self.built = True
        self.passes = 0

    def call(self, x, scale):
        self.passes += 1
        calls = tf.convert_to_tensor(self.calls)
        noise = tf.random.stateless_normal(x.shape, tf.stack([calls, 7]))
        self.calls.assign(calls + 1)
        kernel = tf.convert_to_tensor(self.kernel)
        y = tf.sin(tf.matmul(x, kernel) + tf.cast(noise, x.dtype))
        return y * tf.exp(scale)


def make_block() -> Block:
    """Returns a built block that has been called five times."""
    block = Block(dtype="float64")
    block.build()
    block.calls.assign(5)
    return block


def derivatives(call) -> dict[str, np.ndarray]:
    """Returns value, first and second derivatives of a function's result.

    The function is called twice, with (x, scale).
    """
    rng = np.random.default_rng(0)
    x, kernel = (tf.constant(rng.normal(size=(3, 3))) for _ in range(2))
    scale = tf.constant(rng.normal(size=3))
    sources = {"x": x, "kernel": kernel, "scale": scale}
    with tf.GradientTape() as outer:
        outer.watch(list(sources.values()))
        with tf.GradientTape() as inner:
            inner.watch(list(sources.values()))
            value = tf.reduce_sum(call(call(x, scale, kernel), scale, kernel))
        first = inner.gradient(value, sources)
        bend = tf.add_n([tf.reduce_sum(g**3) for g in first.values()])
    second = outer.gradient(bend, sources)
    result = {"value": value}
    result.update({f"first {name}": g for name, g in first.items()})
    result.update({f"second {name}": g for name, g in second.items()})
    return result


@pytest.mark.parametrize("in_graph", [False, True])
def test_value_and_derivatives_are_those_of_the_function(in_graph):
    plain, block = make_block(), make_block()

    def by_itself(x, scale, kernel):
        with keras.StatelessScope([(plain.kernel, kernel), *counter(plain)]):
            result = plain.call(x, scale)
            kept[plain] = tf.convert_to_tensor(plain.calls)
        return result

    def recomputed(x, scale, kernel):
        with keras.StatelessScope([(block.kernel, kernel), *counter(block)]):
            result = recompute(block.call, [x, scale], block.variables)
            kept[block] = tf.convert_to_tensor(block.calls)
        return result

    def counter(layer):
        return [(layer.calls, kept[layer])] if layer in kept else []

    kept = {}

    def both():
        return derivatives(by_itself), derivatives(recomputed)

    expected, found = (tf.function(both) if in_graph else both)()
    assert len(expected) == 7
    for name, value in expected.items():
        assert np.abs(value).max() > 1e-3
        np.testing.assert_allclose(found[name], value, rtol=1e-12, err_msg=name)
    # Two calls: each once for the value, once for the gradient; and the first
    # once more, on whose value the second one's gradient depends.
    assert (plain.passes, block.passes) == (2, 5)
    assert block.calls.numpy() == 5  # A scope holds what was assigned in it.


def test_variables_without_a_scope_get_gradients_and_are_assigned_once():
    found = []
    for wrap in (False, True):
        block = make_block()
        x = tf.constant(np.random.default_rng(0).normal(size=(3, 3)))
        scale = tf.zeros([3], tf.float64)
        with tf.GradientTape() as tape:
            if wrap:
                y = recompute(block.call, [x, scale], block.variables)
            else:
                y = block.call(x, scale)
        found.append(tape.gradient(y, block.kernel.value).numpy())
        assert block.calls.numpy() == 6
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)
    assert np.abs(found[0]).max() > 0.1


def test_a_cast_of_the_variables_holds_in_the_gradient_as_well():
    dtypes = []

    class Half(keras.layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(name="kernel", shape=(3, 3))

        def call(self, x):
            return recompute(self.multiply, [x], self.variables)

        def multiply(self, x):
            kernel = tf.convert_to_tensor(self.kernel)
            dtypes.append(kernel.dtype)
            return tf.matmul(x, kernel)

    layer = Half(dtype="mixed_bfloat16")
    with tf.GradientTape() as tape:
        y = layer(tf.ones([2, 3]))
    gradient = tape.gradient(y, layer.kernel.value)
    assert dtypes == [tf.bfloat16, tf.bfloat16]
    assert gradient.dtype == tf.float32
    np.testing.assert_array_equal(gradient, np.full([3, 3], 2.0))


def test_the_peak_of_memory_is_that_of_one_block():
    # Blocks that each keep eight tensors of 4 MB for their gradient.
    printed = scripts.run(recompute_script)
    without_grappler, with_grappler, plain = map(float, printed.split())
    kept = recompute_script.BLOCKS * recompute_script.LENGTH
    assert plain > 0.8 * kept * recompute_script.MEGABYTES
    assert 0.0 < without_grappler < 0.5 * plain
    assert with_grappler < 0.5 * plain
