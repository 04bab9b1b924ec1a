"""Tests of `maenas_tf.engine.iterators`."""

import pytest

from tests import scripts
from tests.engine import iterators_script


@pytest.mark.parametrize("replicas", [1, 4])
def test_an_iterator_is_given_up_at_once(replicas):
    """TensorFlow's own took 0.5 s and more, of one replica and of several."""
    printed = scripts.run(iterators_script, replicas)
    assert float(printed) < 0.25
