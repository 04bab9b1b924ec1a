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
