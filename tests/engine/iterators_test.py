"""Tests of `maenas_tf.engine.iterators`."""

import pathlib
import subprocess
import sys

import pytest

from tests.engine import iterators_script

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("replicas", [1, 4])
def test_an_iterator_is_given_up_at_once(replicas):
    """TensorFlow's own took 0.5 s and more, of one replica and of several."""
    done = subprocess.run(
        [sys.executable, "-m", iterators_script.__name__, str(replicas)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert float(done.stdout) < 0.25
