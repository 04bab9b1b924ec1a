"""Tests of `maenas_tf.timing.places`, and of places in the configuration."""

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.timing.benchmark import Benchmark
from maenas_tf.timing.config import BenchmarkConfig
from maenas_tf.timing.place import Place
from maenas_tf.timing.report import write_report
from tests.timing.benchmark_test import TINY


def test_places_are_read_as_strategies():
    config = BenchmarkConfig(
        places="one_device, mirrored:2,multi_worker:2,multi_worker:2x4"
    )
    assert config.parsed_places() == (
        Place("one_device", "one_device", 1, 0),
        Place("mirrored:2", "mirrored", 1, 2),
        Place("multi_worker:2", "multi_worker", 2, 0),
        Place("multi_worker:2x4", "multi_worker", 2, 4),
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"places": "mirrored"}, ("'mirrored'", "mirrored:2")),
        ({"places": "multi_worker:0"}, ("'multi_worker:0'",)),
        ({"places": "mirrored:2,mirrored:2"}, ("mirrored:2 twice",)),
        ({"places": "mirrored:3"}, ("--batch_size=64", "multiple of 3")),
        ({"places": "mirrored:2", "what": "input"}, ("search_step",)),
        ({"places": "mirrored:2", "against": "plain"}, ("--against",)),
        ({"strategy": "multi_worker"}, ("--places=multi_worker:2",)),
    ],
)
def test_places_that_are_none_are_refused_with_the_remedy(settings, words):
    with pytest.raises(ConfigError) as error:
        Benchmark(BenchmarkConfig(**settings))
    for word in words:
        assert word in str(error.value)


@pytest.mark.large
@pytest.mark.parametrize("sync", [True, False])
def test_steps_of_processes_are_timed_in_turn_and_their_messages_told(
    sync, tmp_path
):
    config = BenchmarkConfig(
        **TINY,
        what="search_step",
        places="one_device,multi_worker:2",
        sync_statistics=sync,
    )
    report = Benchmark(config).run()
    by_place = report["places"]["search_step"]
    alone, two = by_place["one_device"], by_place["multi_worker:2"]
    for result in (alone, two):
        assert len(result["seconds"]) == len(result["cpu_seconds"]) == 3
        assert result["images"] == 2 * TINY["batch_size"]
    assert alone["messages"] == alone["bytes"] == 0
    # One of each phase, and two of each normalisation.
    assert (two["messages"] == 2) == (not sync)
    assert two["bytes"] > 1000
    assert f"{two['bytes']:,}" in write_report(report, tmp_path)


@pytest.mark.large
def test_what_a_process_refuses_is_told():
    config = BenchmarkConfig(
        **{**TINY, "algorithm": "training_free"}, places="one_device"
    )
    with pytest.raises(ConfigError, match="--algorithm=training_free"):
        Benchmark(config).run()
