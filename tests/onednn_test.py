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


SCORES = """
import numpy as np
import maenas_tf
from maenas_tf.models.shared_network import SharedNetwork
from maenas_tf.scores import SCORES
from maenas_tf.scores.joint import JointScore
from maenas_tf.scores.start import Start, noise
from maenas_tf.skeletons import NetworkSize
from maenas_tf.spaces import SPACES
space, size = SPACES.get("nasbench201"), NetworkSize(4, 1, 16, 10)
start = Start(SharedNetwork(space, size, 0), noise(16, 0))
rng = np.random.default_rng(0)
genotypes = [space.random_genotype(rng) for _ in range(30)]
score = JointScore([SCORES.get("jacov")(size=size, start=start)])
print(np.isfinite(score({}, genotypes)).sum())
"""


def test_scores_of_many_candidates_do_not_end_the_process():
    done = subprocess.run(
        [sys.executable, "-c", SCORES],
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-1] == "30"
