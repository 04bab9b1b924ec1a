"""Tests of `maenas_tf.engine.runtime`."""

import types

import pytest

from maenas_tf.config import ConfigError, DeviceSettings
from maenas_tf.engine import runtime


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"jit_compile": True}, "--jit_compile"), ({"batch_size": 9}, "=9")],
)
def test_what_the_devices_that_auto_finds_cannot_do_is_refused(
    monkeypatch, settings, word
):
    found = types.SimpleNamespace(num_replicas_in_sync=2)
    monkeypatch.setattr(runtime, "make_strategy", lambda *_: found)
    monkeypatch.setattr(runtime, "configure_runtime", lambda config: None)
    assert runtime.start_runtime(DeviceSettings()) is found
    with pytest.raises(ConfigError, match=word):
        runtime.start_runtime(DeviceSettings(**settings))
