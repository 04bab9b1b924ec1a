"""Tests of `maenas_tf.engine.own_runtime`."""

from __future__ import annotations

import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from maenas_tf.engine.devices import configure_runtime
from maenas_tf.engine.own_runtime import OwnRuntime
from maenas_tf.searching.config import SearchConfig
from tests.engine.callers_process import draws, settings, watched

CONFIG = SearchConfig(precision="bfloat16", seed=3)


def test_the_caller_has_his_settings_again():
    with watched() as changes, OwnRuntime():
        configure_runtime(CONFIG)
        assert settings()["policy"] == "mixed_bfloat16"
        assert settings()["deterministic"]
        assert settings()["optimizer"]["disable_meta_optimizer"]
    assert not changes


def test_the_caller_has_his_settings_again_after_an_error():
    def run():
        with OwnRuntime():
            configure_runtime(CONFIG)
            raise ZeroDivisionError

    with watched() as changes, pytest.raises(ZeroDivisionError):
        run()
    assert not changes


def test_a_run_goes_on_with_the_settings_it_left():
    def numbers():
        found = draws()
        del found["keras"]  # The caller's, always.
        return found

    with OwnRuntime():
        configure_runtime(CONFIG)
        expected, wanted = [numbers(), numbers()], settings()
    runtime, found = OwnRuntime(), []
    with runtime:
        configure_runtime(CONFIG)
        found.append(numbers())
    for _ in range(2):
        draws()
    with runtime:
        found.append(numbers())
        assert settings() == wanted
    assert found == expected


def test_a_caller_without_a_seed_has_none_afterwards():
    with OwnRuntime():
        tf.random.set_seed(None)
        with OwnRuntime():
            configure_runtime(CONFIG)
        assert context.global_seed() is None
