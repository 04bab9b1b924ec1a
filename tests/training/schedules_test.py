"""Tests of `maenas_tf.training.schedules`."""

import math

import pytest

from maenas_tf.training.config import TrainConfig
from maenas_tf.training.schedules import drop_path_rate, learning_rate


def rates(**settings):
    config = TrainConfig(epochs=8, learning_rate=0.4, **settings)
    return [learning_rate(config, epoch) for epoch in range(8)]


def test_cosine_falls_to_its_minimum():
    found = rates(learning_rate_min=0.2)
    assert found[0] == pytest.approx(0.4)
    assert found[4] == pytest.approx(0.3)
    expected = 0.2 + 0.1 * (1 + math.cos(math.pi * 7 / 8))
    assert found[7] == pytest.approx(expected)


def test_line_falls_by_equal_steps():
    found = rates(schedule="linear", learning_rate_min=0.2)
    expected = [0.4 - 0.025 * epoch for epoch in range(8)]
    assert found == pytest.approx(expected)


def test_exponential_falls_by_a_factor():
    found = rates(schedule="exponential", learning_rate_decay=0.5)
    assert found == pytest.approx([0.4 * 0.5**epoch for epoch in range(8)])


def test_warmup_grows_linearly_and_then_meets_the_schedule():
    plain, warm = (
        rates(schedule="linear"),
        rates(schedule="linear", warmup_epochs=4),
    )
    parts = [w / p for w, p in zip(warm, plain, strict=True)]
    assert parts == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 1, 1])


def test_drop_path_grows_linearly_from_zero():
    config = TrainConfig(epochs=4, drop_path=0.2)
    found = [drop_path_rate(config, epoch) for epoch in range(4)]
    assert found == pytest.approx([0.0, 0.05, 0.1, 0.15])
