"""Tests of `maenas_tf.timing.config`."""

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.searching.config import SearchConfig
from maenas_tf.timing.benchmark import CASES, Benchmark
from maenas_tf.timing.config import TIMED, BenchmarkConfig


def test_every_case_can_be_asked_for():
    assert set(TIMED) == set(CASES.names())
    names = (*TIMED, "memory", "operations")
    assert BenchmarkConfig(what=",".join(names)).names == names


def test_the_search_that_is_timed_has_the_settings_given():
    config = BenchmarkConfig(space="s3", init_channels=8, order="second")
    search = config.search_config()
    assert isinstance(search, SearchConfig)
    assert (search.space, search.init_channels) == ("s3", 8)
    assert (search.order, search.image_size) == ("second", 32)
    task = BenchmarkConfig(task="denoising", noise_level=0.5).search_config()
    assert (task.task, task.noise_level) == ("denoising", 0.5)
    for augment in (False, True):
        plain = BenchmarkConfig(augment=augment).search_config()
        assert plain.augment == augment


def test_a_rival_differs_in_what_is_named_alone():
    config = BenchmarkConfig(against="order=second;batch_size=8")
    rival = config.rival()
    assert set(rival.differences(config)) == {"order", "batch_size", "against"}
    assert (rival.order, rival.batch_size) == ("second", 8)
    plain = BenchmarkConfig(against="plain").rival()
    assert plain.implementation == "plain"
    assert BenchmarkConfig().rival() is None


def test_settings_vary_one_at_a_time():
    config = BenchmarkConfig(vary="init_channels=4,8;batch_size=2,3")
    variations = config.variations()
    assert [c.init_channels for c in variations["init_channels"]] == [4, 8]
    assert {c.batch_size for c in variations["init_channels"]} == {64}
    assert [c.batch_size for c in variations["batch_size"]] == [2, 3]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"what": "search"}, ("--what=search", "search_step", "memory")),
        ({"what": "input,input"}, ("--what=input,input", "once")),
        ({"steps": 0}, ("--steps=0", "at least 1")),
        ({"implementation": "fast"}, ("--implementation=fast", "plain")),
        ({"against": "a=1", "vary": "steps=1"}, ("--against", "--vary")),
        ({"what": "operations", "vary": "steps=1"}, ("--what=operations",)),
        ({"against": "commit:"}, ("--against=commit:", "commit:HEAD~1")),
        ({"against": "abdb077"}, ("'abdb077'", "name=value")),
        ({"against": "order"}, ("--against=order", "name=value")),
        ({"against": "batch_size=2,4"}, ("--against", "2 values", "--vary")),
        ({"against": "what=input"}, ("--against=what",)),
        ({"against": "batchsize=2"}, ("Did you mean 'batch_size'",)),
        ({"vary": "decoder=linear"}, ("--vary=decoder", "--against")),
        ({"vary": "steps=1,2"}, ("--vary=steps",)),
    ],
)
def test_bad_settings_are_refused_with_the_remedy(settings, words):
    with pytest.raises(ConfigError) as error:
        Benchmark(BenchmarkConfig(**settings))
    for word in words:
        assert word in str(error.value)
