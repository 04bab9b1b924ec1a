"""Tests of `maenas_tf.timing.operations`."""

import pytest
import tensorflow as tf

from maenas_tf.timing.benchmark import Benchmark
from maenas_tf.timing.config import BenchmarkConfig
from maenas_tf.timing.operations import (
    BETWEEN,
    OTHERS,
    Work,
    count_operations,
    kinds_of_work,
    operations_table,
)
from maenas_tf.timing.report import write_report
from maenas_tf.timing.trace import Call, Trace
from tests.timing.benchmark_test import TINY


def works(compute, *shapes):
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    graph = tf.function(compute).get_concrete_function(*specs).graph
    return {op.type: Work.of(op) for op in graph.get_operations()}


def test_the_work_of_a_convolution_is_that_of_its_sums():
    def compute(x, dense, depthwise):
        with tf.GradientTape() as tape:
            tape.watch((x, dense, depthwise))
            y = tf.nn.conv2d(x, dense, 1, "SAME")
            z = tf.nn.depthwise_conv2d(y, depthwise, [1, 1, 1, 1], "SAME")
        return tape.gradient(z, (x, dense, depthwise))

    found = works(compute, (2, 8, 8, 3), (5, 5, 3, 4), (3, 3, 4, 1))
    pixels, kernel = 2 * 8 * 8, 5 * 5 * 3 * 4
    dense = Work("Conv2D 5x5", 4 * (pixels * 7 + kernel), 2 * pixels * kernel)
    assert found["Conv2D"] == dense
    for way in ("Input", "Filter"):
        of_dense = found[f"Conv2DBackprop{way}"]
        assert of_dense.kind == f"Conv2DBackprop{way} 5x5"
        assert of_dense.flops == dense.flops
        depthwise = found[f"DepthwiseConv2dNativeBackprop{way}"]
        assert depthwise.kind.endswith("3x3")
        assert depthwise.flops == 2 * pixels * 4 * 9
    unknown = works(tf.nn.relu, (None, 3))["Relu"]
    assert unknown is None


def test_the_work_of_moving_is_that_of_what_is_moved():
    def compute(x):
        part = tf.slice(x, [1, 0], [2, 3])
        return tf.reshape(part, [6])

    found = works(compute, (100, 3))
    assert found["Slice"].bytes == 2 * 4 * 6
    assert found["Reshape"].bytes == 0
    for axis, moved in ((0, 0), (1, 2 * 4 * 8)):
        for name in ("Split", "Unpack"):
            apart = {"Split": tf.split, "Unpack": tf.unstack}[name]
            found = works(lambda x, f=apart, a=axis: f(x, 2, a), (2, 2, 2))
            assert moved <= found[name].bytes <= moved + 4
    variable = tf.Variable(tf.ones([7]))
    changed = works(variable.assign_add, (7,))["AssignAddVariableOp"]
    assert 4 * 7 <= changed.bytes < 4 * 8 + 8


def test_shares_are_of_the_step_and_bounds_of_the_machine():
    kinds = [
        {"kind": "A", "calls": 2, "seconds": 1.0, "bytes": 5, "flops": 1},
        {"kind": "B", "calls": 1, "seconds": 3.0, "bytes": 1, "flops": 6},
    ]
    table = operations_table(
        {
            "seconds": 4.0,
            "bytes_per_second": 10.0,
            "flops_per_second": 2.0,
            "kinds": kinds,
        }
    )
    assert [row[0] for row in table.rows] == ["B", "A"]
    assert table.rows[0][3] == "75.0 %"
    assert table.rows[0][-1] == "100 %"
    assert table.rows[1][-1] == "50 %"


def test_seconds_and_bounds_are_of_the_same_calls():
    graph = tf.function(tf.exp).get_concrete_function(tf.TensorSpec([5])).graph
    (op,) = [op for op in graph.get_operations() if op.type == "Exp"]
    calls = [Call(op, 1.0), Call(None, 2.0), Call(op, 0.5)]
    kinds = {
        row.pop("kind"): row for row in kinds_of_work(Trace(calls, 6), 4.0)
    }
    assert kinds == {
        "Exp": {"calls": 2, "seconds": 1.5, "bytes": 2 * 40, "flops": 2 * 5},
        OTHERS: {"calls": 1, "seconds": 2.0, "bytes": 0, "flops": 0},
        BETWEEN: {"calls": 6, "seconds": 0.5, "bytes": 0, "flops": 0},
    }


@pytest.mark.parametrize(
    ("algorithm", "phases"), [("darts", 2), ("single_path", 1)]
)
def test_the_operations_of_functions_that_edges_share_are_known(
    algorithm, phases
):
    """A phase calls 36 edges, and the gradient of each."""
    settings = {"num_cells": 2, "algorithm": algorithm, "what": "operations"}
    found = count_operations(BenchmarkConfig(**TINY | settings))
    kinds = {row["kind"]: row for row in found["kinds"]}
    assert kinds[BETWEEN]["calls"] == phases * 2 * 36
    others = kinds.get(OTHERS, {"seconds": 0.0})
    assert others["seconds"] < 0.05 * found["seconds"]
    if algorithm == "darts":
        # Of two candidates, of stem and end, and of two reductions.
        expected = phases * (2 * 36 + 2 + 2 * 2)
        assert kinds["FusedBatchNormV3"]["calls"] == expected


def test_the_operations_of_a_step_are_told(tmp_path):
    config = BenchmarkConfig(**TINY, what="operations")
    report = Benchmark(config).run()
    found = report["operations"]
    kinds = {row["kind"]: row for row in found["kinds"]}
    # The stem of both phases, and the convolutions of the weights' phase.
    assert kinds["Conv2D 3x3"]["calls"] > 2
    assert kinds["Conv2DBackpropFilter 3x3"]["flops"] > 0
    total = sum(row["seconds"] for row in found["kinds"])
    assert abs(total - found["seconds"]) < 1e-6 * total
    assert BETWEEN in kinds
    text = write_report(report, tmp_path)
    assert "| Conv2D 3x3 |" in text
    page = (tmp_path / "benchmark.html").read_text("utf-8")
    assert "Operations of a step" in page
