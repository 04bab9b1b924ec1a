"""Each check of the modules refuses bad examples and passes good ones."""

from __future__ import annotations

import pytest

from tests import structure_checks


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("maenas_tf.figures.plots", "from maenas_tf.tasks import task"),
        ("maenas_tf.figures.plots", "import maenas_tf.algorithms.bilevel"),
        ("maenas_tf.reports.report", "from maenas_tf import training"),
        ("maenas_tf.algorithms.bilevel", "from maenas_tf.tasks.mae import Mae"),
        ("maenas_tf.algorithms.bilevel", "def f():\n  import maenas_tf.data"),
        (
            "maenas_tf.algorithms.darts",
            "from maenas_tf.analysis import hessian",
        ),
        ("maenas_tf.algorithms.darts", "from ..data import pipeline"),
        ("maenas_tf.models.cell", "from maenas_tf.data import masking"),
        ("maenas_tf.ops.mixed", "from maenas_tf.data import masking"),
        ("maenas_tf.ops.mixed", "import maenas_tf as mn"),
        ("maenas_tf.tasks.mae", "from maenas_tf.algorithms import darts"),
        ("maenas_tf.engine.loop", "from flags import search_flags"),
        ("maenas_tf.engine.loop", "from tools import search"),
        ("maenas_tf.engine.loop", "from absl import flags"),
        ("maenas_tf.engine.loop", "import absl.flags"),
        ("maenas_tf.config", "from absl.flags import FLAGS"),
        ("maenas_tf.config", "import keras"),
        ("maenas_tf.spaces.space", "import tensorflow as tf"),
        ("maenas_tf.spaces.space", "from keras import ops"),
        ("maenas_tf.skeletons.plan", "import tensorflow as tf"),
        ("maenas_tf.training.experiment", "import maenas_tf.searching.build"),
        ("maenas_tf.spaces.__init__", "from ..ops import mixed"),
        ("maenas_tf.utilities", "import os"),
        ("flags.search_flags", "from tools import search"),
    ],
)
def test_a_forbidden_import_is_found(module, source):
    assert structure_checks.arrow_problems(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("maenas_tf.algorithms.bilevel", "from maenas_tf.ops import mixed"),
        (
            "maenas_tf.searching.build",
            "from maenas_tf.algorithms import bilevel",
        ),
        ("maenas_tf.spaces.__init__", "from .space import SPACES"),
        ("maenas_tf.engine.loop", "from absl import logging"),
        ("maenas_tf.__init__", "from maenas_tf.training import loop"),
        ("tools.search", "from absl import app, flags\nimport maenas_tf as mn"),
    ],
)
def test_an_allowed_import_passes(module, source):
    assert structure_checks.arrow_problems(module, source) == []


@pytest.mark.parametrize(
    "source",
    [
        "import tensorflow as tf\ntf.distribute.MirroredStrategy()",
        "from tensorflow import distribute",
        "from tensorflow.python.distribute import values",
    ],
)
def test_distribution_is_allowed_in_the_engine_alone(source):
    found = structure_checks.distribution_problems
    assert found("maenas_tf.algorithms.bilevel", source)
    assert found("tools.search", source)
    assert not found("maenas_tf.engine.devices", source)
    assert not found("maenas_tf.ops.replica", source)
    assert found("maenas_tf.ops.normalization", source)


@pytest.mark.parametrize(
    "source",
    [
        "import copy\ncopy.deepcopy([])",
        "from copy import deepcopy",
        "from numpy import *",
        "try:\n  f()\nexcept:\n  pass",
        "assert x > 0",
    ],
)
def test_a_banned_construct_is_found(source):
    assert structure_checks.banned_problems("maenas_tf.ops.mixed", source)


def test_a_long_tool_is_found():
    found = structure_checks.length_problems
    assert found("tools.search", "x = 1\n" * 81)
    assert not found("tools.search", "x = 1\n" * 80)


@pytest.mark.parametrize("folder", ["home", "root", "tmp", "Users", "work"])
def test_a_path_of_one_machine_is_found(folder):
    found = structure_checks.machine_problems
    assert found("a.py", f'x = "/{folder}/me/data"')
    assert found("a.flags", f"--data_dir=/{folder}/data")
    assert not found("a.md", f"https://example.org/{folder}/data")
    assert not found("a.py", f'label = "//{folder}/data"')
