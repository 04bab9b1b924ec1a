"""Tests of `maenas_tf.data.memory`."""

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.data import memory


def test_sets_larger_than_the_share_of_memory_are_refused(monkeypatch):
    monkeypatch.setattr(memory, "physical_memory", lambda: 100 * 3 * 64 * 10)
    memory.check_memory(300, 8)  # 30% of 1,000 images
    with pytest.raises(ConfigError, match="--image_size.*--max_images=300"):
        memory.check_memory(301, 8)


def test_physical_memory_is_plausible():
    assert 2**28 < memory.physical_memory() < 2**50
