"""Tests of `maenas_tf.spaces.reduced`."""

import numpy as np
import pytest

from maenas_tf.spaces import SPACES


@pytest.mark.parametrize(
    ("name", "primitives"),
    [
        ("s2", ("skip_connect", "sep_conv_3x3")),
        ("s3", ("none", "skip_connect", "sep_conv_3x3")),
        ("s4", ("noise", "sep_conv_3x3")),
    ],
)
def test_s2_to_s4_have_the_same_candidates_everywhere(name, primitives):
    for cell_type in SPACES.get(name).cell_types:
        assert {edge.primitives for edge in cell_type.edges} == {primitives}


def _s1(cell, source, node):
    return SPACES.get("s1").cell_type(cell).edge(source, node).primitives


def test_s1_has_two_candidates_on_every_edge():
    for cell_type in SPACES.get("s1").cell_types:
        for edge in cell_type.edges:
            assert len(set(edge.primitives)) == 2


# Zela et al. (2020), figures of the space S1: (source, node).
def test_s1_normal_cell_has_its_special_edges_in_place():
    assert _s1("normal", 0, 4) == ("max_pool_3x3", "skip_connect")
    assert _s1("normal", 1, 5) == ("max_pool_3x3", "skip_connect")
    assert _s1("normal", 3, 5) == ("dil_conv_3x3", "dil_conv_5x5")
    assert _s1("normal", 4, 5) == ("dil_conv_3x3", "dil_conv_5x5")
    for source, node in ((1, 3), (1, 4), (2, 4), (0, 5)):
        assert _s1("normal", source, node) == ("skip_connect", "sep_conv_3x3")
    for source, node in ((1, 2), (0, 3)):
        assert _s1("normal", source, node) == ("skip_connect", "dil_conv_5x5")


def test_s1_reduction_cell_pools_on_its_strided_edges_only():
    for edge in SPACES.get("s1").cell_type("reduce").edges:
        assert edge.reduces == ("max_pool_3x3" in edge.primitives)
        assert edge.reduces == ("skip_connect" not in edge.primitives)
    assert _s1("reduce", 1, 2) == ("max_pool_3x3", "dil_conv_3x3")
    assert _s1("reduce", 1, 4) == ("max_pool_3x3", "sep_conv_3x3")


def test_s1_derivation_uses_the_candidates_of_the_edge():
    weights = {name: np.full((14, 2), 0.1) for name in ("normal", "reduce")}
    weights["normal"][[12, 13], 1] = 0.9
    weights["normal"][[4, 3], 1] = 0.8
    cells = SPACES.get("s1").derive(weights).cells
    normal = [(edge.primitive, edge.source) for edge in cells["normal"]]
    assert normal == [
        ("skip_connect", 0),
        ("skip_connect", 1),
        ("sep_conv_3x3", 1),
        ("dil_conv_3x3", 2),
        ("max_pool_3x3", 0),
        ("skip_connect", 1),
        ("dil_conv_5x5", 3),
        ("dil_conv_5x5", 4),
    ]


def test_noise_can_be_derived_in_s4():
    weights = {name: np.full((14, 2), 0.1) for name in ("normal", "reduce")}
    weights["normal"][:, 0] = 0.9
    weights["reduce"][:, 1] = 0.9
    genotype = SPACES.get("s4").derive(weights)
    assert genotype.count("noise", "normal") == 8
    assert genotype.count("noise", "reduce") == 0
    assert genotype.count("sep_conv_3x3") == 8


def test_none_is_not_derived_in_s3():
    weights = {name: np.full((14, 3), 0.1) for name in ("normal", "reduce")}
    for matrix in weights.values():
        matrix[:, 0] = 0.8
    genotype = SPACES.get("s3").derive(weights)
    assert genotype.count("none") == 0
    assert genotype.count("skip_connect") == 16
