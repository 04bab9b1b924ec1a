"""Tests of `maenas_tf.engine.strategies`."""

import tensorflow as tf

from maenas_tf.config import DeviceSettings
from maenas_tf.engine.devices import present_strategy
from maenas_tf.engine.strategies import STRATEGIES, make_strategy


def test_what_can_be_asked_for_can_be_made():
    choices = DeviceSettings.settings()["strategy"].choices
    assert tuple(STRATEGIES.names()) == choices


def test_another_strategy_is_one_function():
    made = tf.distribute.OneDeviceStrategy("CPU:0")
    with STRATEGIES.temporary("mine", lambda settings: made):
        settings = DeviceSettings()
        object.__setattr__(settings, "strategy", "mine")
        assert make_strategy(settings) is made
    assert make_strategy(DeviceSettings()) is present_strategy()
