"""Tests of `maenas_tf.searching.search_pictures`."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.spaces import SPACES
from tests.searching import small


class NoisySpace(small.OneEdgeSpace):
    """One edge with the noise of s4, whose layer counts its calls."""

    def __init__(self):
        super().__init__()
        (cell_type,) = self.cell_types
        (edge,) = cell_type.edges
        edge = dataclasses.replace(edge, primitives=("noise", "nor_conv_1x1"))
        self.cell_types = (dataclasses.replace(cell_type, edges=(edge,)),)


@pytest.fixture
def make(tmp_path):
    """Makes searches of two epochs, each in a directory of its name."""
    space = NoisySpace()
    config = small.make_config(
        dataset="arrays", space=space.name, epochs=2, warmup_epochs=0
    )
    images = small.make_images(8)
    with SPACES.temporary(space.name, space):
        yield lambda name: SearchExperiment(config, tmp_path / name, images)


def test_pictures_change_no_variable(make):
    experiment = make("run")
    variables = experiment.searcher.variables
    assert any(v.path.endswith("noise/calls") for v in variables)
    before = small.values(variables)
    assert "reconstructions" in experiment.pictures.draw(None)
    for variable, value in zip(variables, before, strict=True):
        assert variable.numpy().tobytes() == value.tobytes(), variable.path


def test_a_search_with_pictures_equals_one_without(make):
    results = {}
    for name in ("with", "without"):
        experiment = make(name)
        if name == "without":
            experiment.pictures.draw = lambda genotype: {}
        found = experiment.run()
        variables = small.values(experiment.searcher.variables)
        results[name] = found.alphas["cell"], small.flat(variables)
    for shown, hidden in zip(*results.values(), strict=True):
        np.testing.assert_array_equal(shown, hidden)
