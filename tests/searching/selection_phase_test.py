"""Tests of `maenas_tf.searching.selection_phase` with a score of its own."""

from __future__ import annotations

import pytest

from maenas_tf.engine.signals import SignalWatch
from maenas_tf.runs.run_directory import RunDirectory
from maenas_tf.scores import SCORES, Score
from maenas_tf.searching.selection_phase import SelectionPhase
from maenas_tf.selection.constraints import Budget
from maenas_tf.selection.selection import Exhaustive
from maenas_tf.skeletons import evaluation_size
from maenas_tf.spaces import SPACES
from maenas_tf.spaces.architectures import Architectures
from tests.searching import small


class Convolutions(Score):
    """The side of the largest kernel, without a network or an image."""

    column = "kernel"
    label = "kernel"
    higher_is_better = True
    calls = 0

    def __call__(self, weights, genotypes=()):
        Convolutions.calls += 1
        return [
            float("nor_conv_3x3" in str(g)) * 2 + ("nor_conv" in str(g))
            for g in genotypes
        ]


class ByKernel(Exhaustive):
    score = "kernel"


def select(path):
    config = small.make_config(space=small.ONE_EDGE.name)
    directory = RunDirectory(path, config)
    budget = Budget(small.ONE_EDGE, evaluation_size(small.ONE_EDGE))
    phase = SelectionPhase(
        ByKernel(),
        Architectures(small.ONE_EDGE),
        budget,
        0,
        directory,
        SignalWatch(),
        {},
    )
    try:
        return phase.run(Convolutions)
    finally:
        directory.close()


@pytest.mark.parametrize("higher", [True, False])
def test_a_score_is_a_class_and_a_name(tmp_path, monkeypatch, higher):
    monkeypatch.setattr(Convolutions, "higher_is_better", higher)
    name = small.ONE_EDGE.name
    with SPACES.temporary(name, small.ONE_EDGE):
        with SCORES.temporary("kernel", Convolutions):
            found = select(tmp_path)
            calls = Convolutions.calls
            assert select(tmp_path) == found  # from the table
            text = str(found["genotype"])
    assert Convolutions.calls == calls
    assert found["kernel"] == (3.0 if higher else 0.0)
    assert ("nor_conv_3x3" in text) == higher
    assert found["candidates"] == 5
    assert "held_out_images" not in found
    header, *rows = (tmp_path / "candidates.csv").read_text().splitlines()
    assert header == "genotype,kernel,parameters,macs,seconds"
    assert sorted(row.split(",")[1] for row in rows)[-1] == "3.0"
