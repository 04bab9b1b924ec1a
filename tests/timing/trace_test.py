"""Tests of `maenas_tf.timing.trace`."""

import collections

import keras
import pytest
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from maenas_tf.ops.sharing import SharedFunctions, shared, sharing
from maenas_tf.timing.trace import read_trace, trace

PROCESS = "ExecutorState::Process"
CALL = "ExecutorState::ProcessAsync::Start"


def space_of(*threads):
    """Returns a trace of events: name, begin, end and values, ps."""
    space = xplane_pb2.XSpace()
    plane = space.planes.add()
    numbers = collections.defaultdict(lambda: len(numbers) + 1)
    keys = collections.defaultdict(lambda: len(keys) + 1)
    for thread in threads:
        line = plane.lines.add()
        for name, begin, end, values in thread:
            event = line.events.add(
                metadata_id=numbers[name],
                offset_ps=begin,
                duration_ps=end - begin,
            )
            for key, value in values.items():
                stat = event.stats.add(metadata_id=keys[key])
                if isinstance(value, str):
                    stat.ref_value = keys[value]
                else:
                    stat.int64_value = value
    for name, number in numbers.items():
        plane.event_metadata[number].name = name
    for key, number in keys.items():
        plane.stat_metadata[number].name = key
    return space


def ran(compute, *arguments):
    """Returns how often each operation ran, by type and shape, and the trace.

    Args:
        compute: is traced by a `tf.function`.
        arguments: tensors.
    """
    function = tf.function(compute, autograph=False)
    function(*arguments)
    graph = function.get_concrete_function(*arguments).graph
    seconds, found = trace(lambda: function(*arguments), graph)
    assert 0 < sum(call.seconds for call in found.calls) < seconds
    known = [call.op for call in found.calls if call.op is not None]
    count = collections.Counter(
        (op.type, tuple(op.outputs[0].shape)) for op in known if op.outputs
    )
    return count, found


def test_a_moment_belongs_to_all_that_runs_in_it():
    """And what is called belongs to itself, not to its call as well."""

    @tf.function
    def called(x):
        return tf.negative(x, name="b")

    @tf.function
    def compute(x):
        y = tf.exp(x, name="a")
        called(x)
        return tf.exp(y, name="c")

    graph = compute.get_concrete_function(tf.TensorSpec([3])).graph
    (call,) = [op.name for op in graph.get_operations() if "Call" in op.type]
    space = space_of(
        [
            (PROCESS, 0, 100, {"id": 7}),
            ("a:Exp", 10, 30, {}),
            ("ParallelFor", 12, 28, {}),
            (CALL, 40, 50, {"step_id": 7, "name": call}),
            ("FunctionRun", 42, 46, {"id": 8}),
            ("c:Exp", 60, 90, {}),
            (PROCESS, 100, 120, {"id": 7}),
        ],
        [
            (PROCESS, 50, 85, {"id": 8}),
            ("b:Neg", 50, 80, {}),
            ("Iterator::Root", 90, 120, {}),
        ],
    )
    found = read_trace(space, graph)
    assert found.functions == 1
    times = {call.op.name: call.seconds for call in found.calls}
    assert times == pytest.approx({"a": 2e-11, "b": 2e-11, "c": 2e-11})


def test_operations_of_shared_functions_are_told_apart_by_their_function():
    """All are named Conv2D in theirs, and two are nested in another one."""
    functions = SharedFunctions()
    kernels = [keras.Variable(tf.ones([3, 3, 4, 4])) for _ in range(4)]

    def convolved(kernel, x):
        return shared(
            "part",
            lambda x: tf.nn.conv2d(x, tf.convert_to_tensor(kernel), 1, "SAME"),
            [x],
            [kernel],
        )

    def compute(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            with sharing(functions):
                y = convolved(kernels[0], convolved(kernels[1], x))
                small = shared(
                    "whole",
                    lambda x: convolved(kernels[2], convolved(kernels[3], x)),
                    [x[:, ::2, ::2]],
                    kernels[2:],
                )
            value = tf.reduce_sum(tf.sin(y)) + tf.reduce_sum(tf.sin(small))
        return tape.gradient(value, [x, *(k.value for k in kernels)])

    count, found = ran(compute, tf.ones((2, 16, 16, 4)))
    for side in (16, 8):
        assert count["Conv2D", (2, side, side, 4)] == 2
        assert count["Conv2DBackpropInput", (2, side, side, 4)] == 2
    assert count["Conv2DBackpropFilter", (3, 3, 4, 4)] == 4
    # Two, one with two more in it, and their gradients.
    assert found.functions == 10


def test_what_the_runtime_names_anew_is_known():
    """What is named as a result is, branches, and functions put in place."""

    @tf.function
    def put_in_place(x):
        return tf.tan(x)

    def compute(x, index):
        y = tf.switch_case(index, [lambda: tf.exp(x), lambda: tf.cos(x)])
        with tf.GradientTape() as tape:
            tape.watch(y)
            with sharing(SharedFunctions()):
                z = shared(
                    "part",
                    lambda x: tf.sin(tf.sin(x, name="one"), name="two"),
                    [y],
                    [],
                )
        return put_in_place(z), tape.gradient(z, y)

    count, found = ran(compute, tf.ones([5]), tf.constant(1))
    assert all(call.op is not None for call in found.calls)
    kinds = {kind: calls for (kind, _), calls in count.items()}
    assert "Exp" not in kinds
    assert [kinds[kind] for kind in ("Cos", "Sin", "Tan")] == [3, 2, 1]


def test_a_convolution_with_a_bias_is_one():
    def compute(x, kernel):
        y = tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), tf.ones([4]))
        return tf.sin(y)

    count, _ = ran(compute, tf.ones((2, 8, 8, 3)), tf.ones((3, 3, 3, 4)))
    assert count["Conv2D", (2, 8, 8, 4)] == 1
    assert ("BiasAdd", (2, 8, 8, 4)) not in count
