"""Tests of `maenas_tf.engine.signals`."""

import os
import signal

import pytest

from maenas_tf.engine.signals import SignalWatch, stopped_by_signals


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_becomes_a_flag_and_the_old_handlers_come_back(name):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    watch = SignalWatch()
    with watch.installed():
        assert watch.received is None
        os.kill(os.getpid(), number)
        assert watch.received == name
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_what_has_nothing_to_save(name):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with stopped_by_signals():
        with SignalWatch().installed() as watch:
            os.kill(os.getpid(), number)
        assert watch.received == name
    assert signal.getsignal(number) is before
    try:
        with pytest.raises(KeyboardInterrupt, match=name), stopped_by_signals():
            os.kill(os.getpid(), number)
        # What is left of the way out ends at a second one.
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
