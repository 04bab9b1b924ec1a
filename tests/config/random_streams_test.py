"""Tests of `maenas_tf.config.random_streams`."""

import itertools

import numpy as np
import pytest

from maenas_tf.config import random_streams
from maenas_tf.config.random_streams import STREAMS, TRAINING, Stream


def test_no_two_purposes_that_could_meet_share_a_stream():
    meeting = {
        (first.purpose, second.purpose)
        for first, second in itertools.combinations(STREAMS, 2)
        if first.meets(second)
    }
    # The one that the table excuses.
    assert meeting == {
        ("the order of the weights' images", "the architectures to correlate")
    }


def test_the_table_holds_every_stream():
    named = {
        id(value)
        for value in vars(random_streams).values()
        if isinstance(value, Stream)
    }
    assert named == {id(stream) for stream in STREAMS}


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ((3, (TRAINING,)), (3, (TRAINING,)), True),
        ((3, (TRAINING,)), (4, (TRAINING,)), False),
        ((3, (TRAINING,)), (3, random_streams.SEARCHES), False),
        ((3, (TRAINING,), 0), (3, (TRAINING,), None), True),
        ((3, (TRAINING,), 0), (3, (TRAINING,), 1), False),
    ],
)
def test_streams_meet_where_experiment_epoch_and_number_agree(one, other, meet):
    assert Stream("a", *one).meets(Stream("b", *other)) is meet


def test_a_stream_is_that_of_its_three_numbers():
    order = random_streams.ALPHAS_ORDER.generator(7, 5).permutation(9)
    expected = np.random.default_rng((7, 5, 1)).permutation(9)
    np.testing.assert_array_equal(order, expected)
    cells = random_streams.ARCHITECTURES.generator(7).integers(100, size=9)
    expected = np.random.default_rng((7, 201)).integers(100, size=9)
    np.testing.assert_array_equal(cells, expected)


def test_a_stream_of_the_whole_run_has_no_epochs():
    with pytest.raises(ValueError, match="epoch=2.*split in halves"):
        random_streams.HALVES.generator(0, 2)
