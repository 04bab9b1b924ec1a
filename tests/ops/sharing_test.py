"""Tests of `maenas_tf.ops.sharing` and of what is shared."""

from __future__ import annotations

import collections
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.models.cell import NetworkCell
from maenas_tf.models.network import Network
from maenas_tf.models.supernet import Supernet
from maenas_tf.ops.identity_dropout import IdentityDropoutOp
from maenas_tf.ops.mixed import MixedOp
from maenas_tf.ops.partial_channels import PartialChannelsOp
from maenas_tf.ops.recompute import recompute
from maenas_tf.ops.sharing import SharedFunctions, shared, sharing
from maenas_tf.ops.single_path import SinglePathOp
from maenas_tf.ops.source import SourceNode, add_terms
from maenas_tf.ops.watched import watched_only
from maenas_tf.skeletons import NetworkSize, make_plan
from maenas_tf.spaces import SPACES, GenotypeEdge
from tests.ops.layers import singly

CHANNELS = 4
DARTS = ("none", "max_pool_3x3", "skip_connect", "sep_conv_5x5", "dil_conv_3x3")
NOISE = ("sep_conv_3x3", "noise")
PLAIN = functools.partial(MixedOp, implementation="plain")
RATE = keras.Variable(0.5, trainable=False)


# Of which one candidate is chosen, by number; None weights them all.
EDGES = {
    "mixed": (MixedOp, DARTS, 1, {}),
    "strided": (MixedOp, DARTS, 2, {}),
    "noise": (MixedOp, NOISE, 1, {}),
    "plain": (MixedOp, DARTS, 1, {"implementation": "plain"}),
    "plain_strided": (MixedOp, DARTS, 2, {"implementation": "plain"}),
    "partial_channels": (PartialChannelsOp, DARTS, 1, {"parts": 2}),
    "dropout": (IdentityDropoutOp, ("skip_connect",), 1, {"rate": RATE}),
}
PATHS = {
    "single_path": (SinglePathOp, DARTS[:4], 1, {}),
    "strided_path": (SinglePathOp, DARTS[:4], 2, {}),
    "noise_path": (SinglePathOp, NOISE, 1, {}),
}


def make_edges(name: str, recomputed: bool = False) -> list[MixedOp]:
    """Returns two edges that are equal but for their weights and names."""
    make, primitives, stride, settings = (EDGES | PATHS)[name]
    keras.utils.set_random_seed(0)
    edges = []
    for number in (1, 2):
        edge = make(
            primitives, CHANNELS, stride, name=f"edge_{number}", **settings
        )
        edge.recompute = recomputed
        with keras.name_scope(f"edge_{number}"):
            edge.build((None, None, None, CHANNELS))
        edges.append(edge)
    return edges


def run(edges, functions: SharedFunctions, with_respect_to, chosen=None):
    """Returns outputs, gradients and what became of the variables.

    Args:
        edges: two, which leave the same node.
        functions: what they share.
        with_respect_to: "weights", "inputs" or "both".
        chosen: number of the candidate that both compute; None is all.
    """
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 8, 8, CHANNELS)), tf.float32)
    count = len(edges[0].primitives)
    alphas = tf.constant(rng.uniform(0.1, 0.9, count), tf.float32)
    if chosen is not None:
        alphas = tf.one_hot(chosen, count)
    weights = [v for edge in edges for v in edge.trainable_variables]
    before = [v.numpy() for edge in edges for v in edge.variables]

    @tf.function(autograph=False)
    def step():
        values = [tf.convert_to_tensor(v) for v in weights]
        sources = {
            "weights": values,
            "inputs": [x, alphas],
            "both": [*values, x, alphas],
        }[with_respect_to]
        scope = keras.StatelessScope(
            state_mapping=list(zip(weights, values, strict=True))
        )
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            with scope, watched_only(), sharing(functions):
                source, rows = SourceNode(x), tf.unstack(alphas)
                outputs = [
                    add_terms(edge.terms(source, rows, True)) for edge in edges
                ]
            value = tf.add_n([tf.reduce_sum(tf.sin(y)) for y in outputs])
        gradients = tape.gradient(
            value, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        state = [v for edge in edges for v in edge.non_trainable_variables]
        changed = [scope.get_current_value(v) for v in state]
        return outputs, gradients, [x for x in changed if x is not None]

    found = [x.numpy() for x in tf.nest.flatten(step())]
    after = [v.numpy() for edge in edges for v in edge.variables]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
    return found


class Unshared(SharedFunctions):
    """Computes each part in its place."""

    def call(self, kind, compute, inputs, variables, drawing):
        return compute(*inputs)


def gradient_of(functions: SharedFunctions):
    """Returns the gradient of the one function there is."""
    (function,) = functions._functions.values()
    _, backward = (
        function._function._delayed_rewrite_functions.forward_backward()
    )
    return backward


@pytest.mark.parametrize("name", EDGES)
def test_shared_edges_compute_what_they_do_apart(name):
    edges, functions = make_edges(name), SharedFunctions()
    together = run(edges, functions, "both")
    apart = run(edges, Unshared(), "both")
    for a, b in zip(together, apart, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert len(functions) == 1
    first, second = together[:2]
    assert np.any(first != second) == bool(edges[0].variables)


def test_no_gradient_of_a_kernel_is_made_for_the_inputs():
    functions = SharedFunctions()
    run(make_edges("mixed"), functions, "inputs")
    backward = gradient_of(functions)
    made = {op.type for op in backward.graph.get_operations()}
    assert "Conv2DBackpropInput" in made
    assert not [name for name in made if name.endswith("BackpropFilter")]
    if not tf.config.list_physical_devices("GPU"):
        assert "DepthwiseConv2dNativeBackpropInput" not in made


@pytest.mark.parametrize("name", [*EDGES, *PATHS])
def test_what_is_computed_again_is_what_it_was(name):
    choices = range(len(PATHS[name][1])) if name in PATHS else [None]
    again, once = make_edges(name, True), make_edges(name)
    functions = SharedFunctions()
    for chosen in choices:
        found = run(again, functions, "both", chosen)
        wanted = run(once, Unshared(), "both", chosen)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", PATHS)
def test_shared_single_paths_are_equal_to_the_bit(name):
    edges, functions = make_edges(name), SharedFunctions()
    for chosen in range(len(edges[0].primitives)):
        together = run(edges, functions, "both", chosen)
        apart = run(edges, Unshared(), "both", chosen)
        for a, b in zip(together, apart, strict=True):
            np.testing.assert_array_equal(a, b)
        first, second = together[:2]
        candidate = edges[0].candidates[chosen]
        weights = [w for w in singly(edges[0]) if candidate.name in w.path]
        learns = bool(weights or candidate.variables)
        assert np.any(first != second) == learns
    assert len(functions) == 1


def test_another_wanted_gradient_is_another_function():
    edges, functions = make_edges("mixed"), SharedFunctions()
    for count, wanted in enumerate(("weights", "inputs", "both"), start=1):
        run(edges, functions, wanted)
        assert len(functions) == count
    run(edges, functions, "inputs")
    assert len(functions) == 3


def test_a_gradient_that_is_not_asked_for_is_not_returned():
    functions = SharedFunctions()
    run(make_edges("noise"), functions, "weights")
    backward = gradient_of(functions)
    # Of what two begin with, two weights, a stream; the kernels, two by two;
    # the calls.
    returned = [g is not None for g in backward.structured_outputs]
    assert returned == [False] * 5 + [True] * 2 + [False]


@pytest.mark.parametrize(
    ("wanted", "convolution"),
    [("inputs", "Conv2D"), ("weights", "DepthwiseConv2dNative")],
)
@pytest.mark.parametrize("recomputed", [False, True])
def test_a_repetition_keeps_one_of_its_two_convolutions(
    wanted, convolution, recomputed
):
    """Or none; and what is rectified between two; of three repetitions."""
    functions = SharedFunctions()
    run(make_edges("mixed", recomputed), functions, wanted)
    backward = gradient_of(functions)
    kept = collections.Counter()
    for tensor in {root(t).ref() for t, _ in backward.graph.captures}:
        if tensor.deref().shape.num_elements() == 2 * 8 * 8 * CHANNELS:
            kept[tensor.deref().op.type] += 1
    del kept["Placeholder"]  # the node keeps what it begins with
    assert kept == {"Relu": 1} | ({} if recomputed else {convolution: 3})


def root(tensor: tf.Tensor) -> tf.Tensor:
    """Returns the tensor in whose memory one is."""
    while tensor.op.type in ("Identity", "IdentityN", "StopGradient"):
        tensor = tensor.op.inputs[tensor.value_index]
    return tensor


def test_a_tape_around_the_traced_function_has_all_gradients():
    kernel = keras.Variable(2.0)
    functions = SharedFunctions()

    @tf.function(autograph=False)
    def square(x):
        with sharing(functions):
            return shared("square", lambda x: kernel * x * x, [x], [kernel])

    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = square(x)
    assert [g.numpy() for g in tape.gradient(y, [x, kernel.value])] == [12, 9]


def test_a_second_derivative_passes_through_a_shared_function():
    functions = SharedFunctions()

    @tf.function(autograph=False)
    def bend(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                with sharing(functions):
                    y = shared("cube", lambda x: x * x * x, [x], [])
            slope = inner.gradient(y, x)
        return slope, outer.gradient(slope, x)

    assert [float(x) for x in bend(tf.constant(2.0))] == [12.0, 12.0]


def test_what_is_computed_again_is_shared_where_the_block_has_ended():
    @tf.function(autograph=False)
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            with sharing(SharedFunctions()):
                bend = functools.partial(shared, "sin", tf.sin)
                y = recompute(lambda x: bend([x], []), [x], [])
        return tape.gradient(y, x)

    x = tf.constant([0.0, 1.0])
    np.testing.assert_allclose(slope(x), tf.cos(x), rtol=1e-6)
    graph = slope.get_concrete_function(x).graph
    made = {op.type for op in graph.get_operations()}
    assert not made & {"Sin", "Cos"}, made


def test_a_part_may_have_parts():
    kernels = [keras.Variable(2.0), keras.Variable(3.0)]
    functions = SharedFunctions()

    def scaled(kernel, x):
        return shared("part", lambda x: kernel * x * x, [x], [kernel])

    def whole(x):
        return scaled(kernels[0], x) + scaled(kernels[1], x)

    @tf.function(autograph=False)
    def compute(x):
        values = [tf.convert_to_tensor(kernel) for kernel in kernels]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([x, *values])
            scope = keras.StatelessScope(
                state_mapping=list(zip(kernels, values, strict=True))
            )
            with scope, watched_only(), sharing(functions):
                y = shared("whole", whole, [x], kernels)
        return y, tape.gradient(y, [x, *values])

    y, gradients = compute(tf.constant(2.0))
    assert float(y) == 20.0
    assert [float(g) for g in gradients] == [20.0, 4.0, 4.0]
    assert len(functions) == 2


def test_what_is_not_given_is_refused():
    other = tf.Variable(1.0)

    @tf.function(autograph=False)
    def compute(x):
        with sharing(SharedFunctions()):
            return shared("sum", lambda x: x + other, [x], [])

    with pytest.raises(RuntimeError, match="give it to `shared`"):
        compute(tf.constant(1.0))


def test_nothing_is_shared_without_a_graph():
    functions = SharedFunctions()
    with sharing(functions):
        x = tf.constant(1.0)
        assert shared("sum", lambda x: x + 1.0, [x], []) == 2.0
    assert len(functions) == 0


def losses_and_state(network: Network, functions: SharedFunctions):
    """Returns what two steps of training see, and the variables after them."""
    network.trunk.functions = functions
    for variable, value in zip(
        network.variables, network.first_values, strict=True
    ):
        variable.assign(value)
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3))
    weights = [variable.value for variable in network.trainable_variables]

    @tf.function(autograph=False)
    def step(images):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(tf.sin(network(images, training=True)))
        return value, tape.gradient(value, weights)

    found = [step(tf.constant(images, tf.float32)) for _ in range(2)]
    return [
        *(np.array(x) for x in tf.nest.flatten(found)),
        *(v.numpy() for v in network.variables),
    ]


def test_the_cells_of_a_network_are_shared_with_drop_path_and_statistics():
    arch = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+" + (
        "|none~0|none~1|nor_conv_1x1~2|"
    )
    network = Network(arch, 3, 2, 2, image_size=8, drop_path=True)
    network.drop_path_rate.assign(0.3)
    network.first_values = [v.numpy() for v in network.variables]
    functions = SharedFunctions()
    together = losses_and_state(network, functions)
    apart = losses_and_state(network, Unshared())
    for a, b in zip(together, apart, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert len(functions) == 3  # Of six cells, two in each of three stages.


def test_the_cells_of_a_network_draw_noise_of_their_own():
    space = SPACES.get("nasbench201")
    placement = make_plan(space, NetworkSize(2, 2, 8)).cells[0]
    chosen = [GenotypeEdge("noise", 0, node) for node in (1, 2, 3)]
    cells = []
    for number in (1, 2):
        cell = NetworkCell(placement, chosen, name=f"cell_{number}")
        with keras.name_scope(f"cell_{number}"):
            cell.build(None)
        cells.append(cell)

    @tf.function(autograph=False)
    def compute(x):
        with sharing(functions):
            return [cell.call([x], training=True) for cell in cells]

    functions = SharedFunctions()
    one, other = compute(tf.zeros((2, 8, 8, 2)))
    assert len(functions) == 1
    assert np.any(one != other)


@pytest.mark.parametrize(
    ("make_edge", "num_cells", "num_functions"),
    [(SinglePathOp, 1, 3), (MixedOp, 2, 3), (PLAIN, 2, 3), (MixedOp, 1, 0)],
)
def test_a_supernet_with_many_equal_edges_traces_each_kind_once(
    make_edge, num_cells, num_functions
):
    """Of a stage with one cell, six are equal."""
    space = SPACES.get("nasbench201")
    supernet = Supernet(space, 2, num_cells, make_edge=make_edge, image_size=8)
    weights = {"cell": tf.one_hot([1] * 6, 5)}
    for training in (True, False):
        function = functools.partial(
            supernet, edge_weights=weights, training=training
        )
        trace = tf.function(function, autograph=False).get_concrete_function
        trace(tf.TensorSpec((2, 8, 8, 3)))
        assert len(supernet.trunk.functions) == num_functions
