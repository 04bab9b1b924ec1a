"""Tests of `maenas_tf.timing.benchmark` and `.cases`."""

import json

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.engine.runtime import start_runtime
from maenas_tf.ops.plain import PlainPrimitive
from maenas_tf.timing import benchmark as benchmark_module
from maenas_tf.timing.benchmark import Benchmark
from maenas_tf.timing.cases import CASES
from maenas_tf.timing.config import BenchmarkConfig
from maenas_tf.timing.report import write_report
from tests.engine.callers_process import watched

TINY = {
    "space": "nasbench201",
    "num_cells": 1,
    "init_channels": 2,
    "image_size": 8,
    "patch_size": 4,
    "batch_size": 4,
    "decoder": "linear",
    "steps": 2,
    "repeats": 3,
}


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    config = BenchmarkConfig(**TINY, what="weight_phase,input", against="plain")
    report = Benchmark(config).run()
    folder = tmp_path_factory.mktemp("benchmark")
    return report, write_report(report, folder), folder


def test_each_side_is_measured_as_often_as_asked(compared):
    report, _, _ = compared
    assert list(report["results"]) == ["weight_phase", "input"]
    for name in ("weight_phase", "input"):
        for side in report["results"][name]:
            assert len(side["seconds"]) == len(side["cpu_seconds"]) == 3
            assert min(side["seconds"]) > 0


def counts_tensors() -> bool:
    """Returns whether TensorFlow's allocator does: on CPU that of oneDNN."""
    try:
        tf.config.experimental.get_memory_info("CPU:0")
    except ValueError:
        return False
    return True


def test_memory_is_that_of_a_step_alone():
    ballast = np.ones(2**27)  # 1 GB of this process, none of the step's.
    # TensorFlow's allocator for CPUs counts no tensors of less than 256 KiB.
    settings = {**TINY, "what": "memory", "batch_size": 2048}
    report = Benchmark(BenchmarkConfig(**settings)).run()
    (side,) = report["results"]["memory"]
    assert 50 < side["before_mb"] < side["peak_mb"] < ballast.nbytes / 2**20
    assert ("tensors_mb" in side) == counts_tensors()
    if counts_tensors():
        assert 0 < side["tensors_mb"] < side["peak_mb"] - side["before_mb"]


def test_a_benchmark_that_fails_leaves_the_process_as_it_was(monkeypatch):
    def ready(name, config):
        start_runtime(config.search_config())
        raise ConfigError("no case")

    monkeypatch.setattr(benchmark_module, "_ready", ready)
    benchmark = Benchmark(BenchmarkConfig(**TINY, what="input"))
    with watched() as changes, pytest.raises(ConfigError):
        benchmark.run()
    assert not changes


def test_the_report_is_written(compared):
    report, markdown, folder = compared
    written = json.loads((folder / "benchmark.json").read_text("utf-8"))
    assert written["results"] == report["results"]
    assert written["config"]["against"] == "plain"
    assert (folder / "benchmark.md").read_text("utf-8") == markdown
    lines = (folder / "benchmark.csv").read_text("utf-8").splitlines()
    assert len(lines) == 1 + 4
    assert lines[2].startswith("weight_phase,plain,")


def test_the_plain_side_is_made_of_keras_layers():
    config = BenchmarkConfig(**TINY, implementation="plain")
    trunk = CASES.get("input")(config).searcher.supernet.trunk
    edges = [e for layer in trunk.placed for e in getattr(layer, "edges", ())]
    assert len(edges) == 18  # of three cells
    for edge in edges:
        assert all(isinstance(c, PlainPrimitive) for c in edge.candidates)


@pytest.mark.parametrize(
    ("name", "moved"),
    [("alpha_phase", "alphas"), ("weight_phase", "weights")],
)
def test_a_phase_moves_its_own_variables_alone(name, moved):
    case = CASES.get(name)(BenchmarkConfig(**TINY))
    groups = {
        "alphas": case.searcher.alpha_variables,
        "weights": case.searcher.weight_variables,
    }
    before = {k: [v.numpy() for v in group] for k, group in groups.items()}
    case.run(1)
    for kind, group in groups.items():
        changed = [
            not np.array_equal(old, new)
            for old, new in zip(before[kind], group, strict=True)
        ]
        assert any(changed) == (kind == moved)


def test_each_first_step_traces_anew(monkeypatch):
    config = BenchmarkConfig(**TINY, algorithm="single_path")
    case = CASES.get("first_step")(config)
    step, functions = case.searcher.train_step, []

    def counted_step(data):
        functions.append(len(case.searcher.supernet.trunk.functions))
        return step(data)

    monkeypatch.setattr(case.searcher, "train_step", counted_step)
    case.run(2)
    assert functions == [0, 0]
    assert len(case.searcher.supernet.trunk.functions) > 0


def test_networks_are_timed_in_training_and_in_use():
    for name in ("retrain_step", "inference", "scores", "built_network"):
        CASES.get(name)(BenchmarkConfig(**TINY)).run(2)
        config = BenchmarkConfig(**TINY, what=name, implementation="plain")
        with pytest.raises(ConfigError, match="--implementation=plain"):
            CASES.get(name)(config)


def test_candidates_are_timed_on_few_images():
    for name in ("scores", "built_network"):
        config = BenchmarkConfig(**{**TINY, "batch_size": 64}, what=name)
        with pytest.raises(ConfigError, match="--batch_size=64 is not valid"):
            CASES.get(name)(config)


def test_settings_vary_and_exponents_are_those_of_the_power_law(
    monkeypatch, tmp_path
):
    def measured(case, steps, result):
        result["seconds"].append(1e-3 * case.config.batch_size**1.5)
        result["cpu_seconds"].append(1.0)

    monkeypatch.setattr(benchmark_module, "_measure", measured)
    config = BenchmarkConfig(**TINY, what="input", vary="batch_size=2,4,8")
    with pytest.raises(ConfigError, match="drop input"):
        Benchmark(config)
    config = config.replace(what="inference")
    report = Benchmark(config).run()
    points = report["scaling"]["batch_size"]["inference"]
    assert [point["value"] for point in points] == [2, 4, 8]
    assert [point["images"] for point in points] == [2, 4, 8]
    table = write_report(report, tmp_path)
    assert table.count("1.500") == 2
    assert (tmp_path / "scaling_batch_size.png").stat().st_size > 1000
