"""Tests of `maenas_tf.config.runtime`."""

import pytest

from maenas_tf.config import ConfigError, DeviceSettings


@pytest.mark.parametrize(
    ("settings", "count", "words"),
    [
        ({"jit_compile": True}, 2, ("--jit_compile", "--strategy=auto")),
        (
            {"batch_size": 9},
            2,
            ("--batch_size=9", "2 replicas", "multiple of 2"),
        ),
    ],
)
def test_what_several_replicas_cannot_do_is_refused_when_they_are_known(
    settings, count, words
):
    config = DeviceSettings(**settings)
    config.check_replicas(1)
    with pytest.raises(ConfigError) as error:
        config.check_replicas(count)
    for word in words:
        assert word in str(error.value)


TWO = {"strategy": "multi_worker", "workers": "a:1,b:1", "worker_index": 1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"worker_index": 2}, ("--worker_index=2", "from 0 to 1")),
        ({"worker_index": -1}, ("--worker_index=-1", "from 0 to 1")),
        ({"workers": ""}, ("--worker_index=1", "--workers")),
        ({"workers": "a,b:1"}, ("'a'", "no host:port")),
        ({"workers": "a:1,a:1"}, ("a:1 twice",)),
        ({"workers": "a:1,b:70000"}, ("70000", "65535")),
        ({"strategy": "auto"}, ("--workers=a:1,b:1", "--strategy=auto")),
        ({"batch_size": 9}, ("--batch_size=9", "2 replicas of all workers")),
        ({"num_replicas": 3, "batch_size": 8}, ("multiple of 6",)),
        ({"jit_compile": True}, ("--jit_compile", "multi_worker")),
        ({"worker_timeout": 0.0}, ("--worker_timeout=0",)),
    ],
)
def test_workers_that_cannot_be_are_refused(changes, words):
    assert DeviceSettings(**TWO).worker_index == 1
    with pytest.raises(ConfigError) as error:
        DeviceSettings(**{**TWO, **changes})
    for word in words:
        assert word in str(error.value)
