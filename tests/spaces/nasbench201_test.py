"""Tests of `maenas_tf.spaces.nasbench201`."""

import numpy as np
import pytest

from maenas_tf.spaces import SPACES, Genotype

SPACE = SPACES.get("nasbench201")
# The best cell by CIFAR-10 test accuracy (Dong and Yang, 2020).
ARCH = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+"
    "|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
)


def test_cell_is_wired_as_in_the_benchmark():
    (cell_type,) = SPACE.cell_types
    pairs = [(edge.node, edge.source) for edge in cell_type.edges]
    assert pairs == [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
    assert (cell_type.num_inputs, cell_type.num_nodes) == (1, 3)
    assert cell_type.concat == (3,)
    assert not any(edge.reduces for edge in cell_type.edges)


def test_primitives_have_the_order_of_the_benchmark():
    assert SPACE.primitives == (
        "none",
        "skip_connect",
        "nor_conv_1x1",
        "nor_conv_3x3",
        "avg_pool_3x3",
    )


def test_string_is_read_edge_by_edge():
    edges = Genotype.from_string(ARCH).cells["cell"]
    assert [edge.primitive for edge in edges] == [
        "nor_conv_3x3",
        "nor_conv_3x3",
        "nor_conv_3x3",
        "skip_connect",
        "nor_conv_3x3",
        "nor_conv_1x1",
    ]
    assert [edge.source for edge in edges] == [0, 0, 1, 0, 1, 2]
    assert [edge.node for edge in edges] == [1, 2, 2, 3, 3, 3]


def test_string_is_printed_as_it_was_read():
    assert str(Genotype.from_string(f" {ARCH}\n")) == ARCH


def test_json_has_the_promised_form():
    genotype = Genotype.from_string(ARCH)
    assert genotype.to_dict() == {"space": "nasbench201", "arch": ARCH}


def test_derivation_is_the_argmax_with_none_included():
    weights = np.full((6, 5), 0.1)
    for edge, column in enumerate([0, 4, 3, 2, 1, 0]):
        weights[edge, column] = 0.6
    assert str(SPACE.derive({"cell": weights})) == (
        "|none~0|+|avg_pool_3x3~0|nor_conv_3x3~1|+"
        "|nor_conv_1x1~0|skip_connect~1|none~2|"
    )


def test_ties_go_to_the_lower_index():
    genotype = SPACE.derive({"cell": np.full((6, 5), 0.2)})
    assert genotype.count("none") == 6


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("|none~0|+|none~0|none~1|", r"has 2 node\(s\)"),
        (ARCH + "+|none~0|", r"has 4 node\(s\)"),
        (ARCH.replace("|skip_connect~0", ""), "Node 3"),
        (ARCH.replace("~1|+", "~1+"), "Node 2"),
        ("|" + ARCH, "Node 1"),
        (ARCH.replace("~2", "~1"), "'op~2'"),
        (ARCH.replace("~2", ""), "'op~2'"),
        (ARCH.replace("skip_connect", "identity"), "primitive 'identity'"),
    ],
)
def test_malformed_string_is_explained(arch, message):
    with pytest.raises(ValueError, match=message):
        Genotype.from_string(arch)
