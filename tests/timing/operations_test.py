"""Tests of `maenas_tf.timing.operations`."""

import tensorflow as tf

from maenas_tf.timing.benchmark import Benchmark
from maenas_tf.timing.config import BenchmarkConfig
from maenas_tf.timing.operations import Work, operations_table
from maenas_tf.timing.report import write_report
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
    text = write_report(report, tmp_path)
    assert "| Conv2D 3x3 |" in text
    page = (tmp_path / "benchmark.html").read_text("utf-8")
    assert "Operations of a step" in page
