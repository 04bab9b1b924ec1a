"""Tests that TensorFlow computes by its fast kernels."""

import os
import subprocess
import sys

import pytest

CODE = """
import maenas_tf
from tensorflow.python.util import _pywrap_util_port as port
print(port.IsMklEnabled())
"""


@pytest.mark.parametrize(("said", "on"), [(None, "True"), ("0", "False")])
def test_onednn_is_on_unless_it_is_said_otherwise(said, on):
    environment = dict(os.environ)
    environment.pop("TF_ENABLE_ONEDNN_OPTS", None)
    if said is not None:
        environment["TF_ENABLE_ONEDNN_OPTS"] = said
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-1] == on
