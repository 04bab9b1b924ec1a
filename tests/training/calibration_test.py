"""Tests of `maenas_tf.training.calibration`."""

import numpy as np
import pytest

from maenas_tf.training.calibration import calibrate


def test_the_error_is_that_of_its_formula():
    # Two bins: (0, 0.5] with 1 of 2 right, (0.5, 1] with 3 of 4.
    confidences = np.array([0.5, 0.3, 0.6, 0.8, 0.9, 1.0])
    right = np.array([True, False, False, True, True, True])
    found = calibrate(confidences, right, 2)
    assert found.counts.tolist() == [2, 4]
    np.testing.assert_allclose(found.confidences, [0.4, 0.825])
    np.testing.assert_allclose(found.accuracies, [0.5, 0.75])
    assert found.error == pytest.approx((2 * 0.1 + 4 * 0.075) / 6)


def test_who_is_right_as_often_as_he_says_has_no_error():
    confidences = np.repeat([0.25, 0.75], 4)
    right = np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)
    found = calibrate(confidences, right)
    assert found.error == pytest.approx(0, abs=1e-12)
    assert found.counts.sum() == 8
    assert np.isnan(found.accuracies[found.counts == 0]).all()


def test_certainty_that_is_wrong_has_the_largest_error():
    assert calibrate(np.ones(3), np.zeros(3, bool)).error == 1
    assert calibrate(np.ones(3), np.ones(3, bool)).error == 0
