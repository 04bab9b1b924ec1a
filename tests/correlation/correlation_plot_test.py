"""Tests of `maenas_tf.correlation.correlation_plot`."""

from __future__ import annotations

import numpy as np
import pytest

from maenas_tf.correlation.correlation_plot import draw_tau_by_steps
from maenas_tf.correlation.resampling import Interval

TRIVIAL = {"MACs": Interval(0.7, 0.5, 0.9)}


def objective(*taus):
    steps = (60, 250, 1000)
    return {
        step: Interval(tau, tau - 0.2, tau + 0.1)
        for step, tau in zip(steps, taus, strict=False)
    }


def test_every_objective_and_baseline_shows():
    one = {"mae": objective(-0.2, 0.3, 0.6)}
    pictures = [
        draw_tau_by_steps(one, TRIVIAL, 16),
        draw_tau_by_steps({**one, "rotation": objective(0.4)}, TRIVIAL, 16),
        draw_tau_by_steps({"mae": objective(-0.2, 0.3, 0.5)}, TRIVIAL, 16),
        draw_tau_by_steps(one, {}, 16),
    ]
    for image in pictures:
        assert image.dtype == np.uint8
        assert image.shape == pictures[0].shape
        assert 0 < (image < 128).mean() < 0.2
    for image in pictures[1:]:
        assert np.any(image != pictures[0])
    again = draw_tau_by_steps(one, TRIVIAL, 16)
    np.testing.assert_array_equal(again, pictures[0])


def test_an_interval_that_does_not_hold_its_value_is_drawn_all_the_same():
    image = draw_tau_by_steps({"mae": {60: Interval(0.5, 0.6, 0.7)}}, {}, 6)
    assert image.std() > 5


@pytest.mark.parametrize("objectives", [{}, {"mae": {}}])
def test_nothing_to_draw_is_refused(objectives):
    with pytest.raises(ValueError, match="objectives"):
        draw_tau_by_steps(objectives, TRIVIAL, 6)


def test_names_of_searches_are_drawn_as_they_are():
    named = {"runs/$\\foo$ \udce9": objective(0.1, 0.2, 0.3)}
    image = draw_tau_by_steps(named, {"$\\foo$": TRIVIAL["MACs"]}, 16)
    assert image.shape[2] == 3
