"""Tests of `maenas_tf.spaces.candidates`."""

from __future__ import annotations

import pytest

from maenas_tf.spaces import SPACES
from maenas_tf.spaces.candidates import all_candidates, narrowed
from maenas_tf.spaces.darts import DartsSpace


def test_nothing_dropped_is_the_space_itself():
    space = SPACES.get("s1")
    candidates = all_candidates(space)
    assert narrowed(space, candidates) is space
    for kind in space.cell_types:
        widths = [len(edge.primitives) for edge in kind.edges]
        assert candidates[kind.name].sum(axis=1).tolist() == widths


def test_what_is_dropped_becomes_none_in_its_column():
    space = SPACES.get("nasbench201")
    candidates = all_candidates(space)
    candidates["cell"][2, [1, 3]] = False
    first, _, third, *_ = narrowed(space, candidates).cell_types[0].edges
    assert first.primitives == space.cell_types[0].edges[0].primitives
    names = ("none", "none", "nor_conv_1x1", "none", "avg_pool_3x3")
    assert third.primitives == names
    assert space.cell_types[0].edges[2].primitives == first.primitives


def test_an_edge_keeps_a_candidate_and_gets_no_new_one():
    names = ("skip_connect", "sep_conv_3x3")
    space = DartsSpace("ragged", lambda _, i: names[: 1 + i % 2])
    candidates = all_candidates(space)
    candidates["reduce"][3] = False
    with pytest.raises(ValueError, match=r"candidates\['reduce'\].*at least"):
        narrowed(space, candidates)
    candidates = all_candidates(space)
    candidates["normal"][:] = True
    with pytest.raises(ValueError, match=r"candidates\['normal'\]"):
        narrowed(space, candidates)
