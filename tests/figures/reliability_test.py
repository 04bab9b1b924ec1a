"""Tests of `maenas_tf.figures.reliability`."""

import numpy as np
import pytest

from maenas_tf.figures.reliability import draw_reliability


def blue(image):
    pixels = image.astype(int)
    return ((pixels[..., 2] - pixels[..., 0]) > 120).sum()


def test_a_higher_accuracy_is_a_higher_bar():
    counts = np.array([0, 4])
    low, high = (
        draw_reliability(
            counts, np.array([np.nan, 0.9]), np.array([np.nan, a]), 0.1
        )
        for a in (0.2, 0.8)
    )
    assert low.dtype == np.uint8
    assert blue(high) > 3 * blue(low) > 0


def test_arrays_of_several_lengths_are_an_error():
    with pytest.raises(ValueError, match="one shape"):
        draw_reliability(np.ones(3), np.ones(3), np.ones(2), 0.1)
