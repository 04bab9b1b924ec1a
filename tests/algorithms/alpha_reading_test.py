"""Tests of `maenas_tf.algorithms.alpha_reading`."""

import numpy as np
import pytest

from maenas_tf.algorithms.alpha_reading import mean_weights

# The one edge's weights by epoch; the first two are of the warm-up.
HISTORY = np.array([[9.0, 0], [9, 0], [0.5, 1], [0, 2], [1, 0]])[:, np.newaxis]


@pytest.mark.parametrize(
    ("num_epochs", "expected"),
    [
        (1, [1, 0]),
        (2, [0.5, 1]),
        (3, [0.5, 1]),
        (4, [0.5, 1]),
        (100, [0.5, 1]),
    ],
)
def test_mean_is_over_the_last_epochs_that_moved_alphas(num_epochs, expected):
    found = mean_weights(HISTORY, 2, num_epochs)
    np.testing.assert_allclose(found, [expected])


@pytest.mark.parametrize("epochs", [1, 2])
def test_in_the_warm_up_the_last_epoch_counts(epochs):
    found = mean_weights(HISTORY[:epochs], 2, 3)
    np.testing.assert_array_equal(found, [[9, 0]])


def test_a_candidate_that_is_strongest_once_does_not_win():
    assert HISTORY[-1, 0].argmax() == 0
    assert mean_weights(HISTORY, 2, 3)[0].argmax() == 1


@pytest.mark.parametrize(("epochs", "num_epochs"), [(0, 1), (5, 0)])
def test_nothing_to_average_is_an_error(epochs, num_epochs):
    with pytest.raises(ValueError, match="received"):
        mean_weights(HISTORY[:epochs], 2, num_epochs)
