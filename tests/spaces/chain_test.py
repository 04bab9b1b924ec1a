"""Tests of the chain spaces, macro and mobilenet."""

from __future__ import annotations

import pytest

from maenas_tf.spaces import (
    MACRO,
    MOBILENET,
    PUBLISHED,
    Genotype,
    load_genotype,
)
from maenas_tf.spaces.architectures import Architectures

PROXYLESS = (
    "5_3 3_3 - - ; 7_3 3_3 5_3 5_3 ; 7_6 5_3 5_3 5_3 ; "
    "5_6 5_3 5_3 5_3 ; 7_6 7_6 7_3 7_3 ; 7_6"
)


def test_there_are_as_many_as_the_papers_count():
    assert Architectures(MACRO).count == 6_561
    assert Architectures(MOBILENET).count == 6**6 * 7**15


def test_a_key_of_the_benchmark_is_a_genotype():
    genotype = load_genotype("22212220")
    assert genotype.space == "macro"
    names = [edge.primitive for edge in genotype.cells["layers"]]
    assert names == ["mb6_k5"] * 3 + ["mb3_k3"] + ["mb6_k5"] * 3 + [
        "skip_connect"
    ]
    assert str(genotype) == "22212220"
    assert genotype.to_dict() == {"space": "macro", "arch": "22212220"}


def test_the_stage_notation_is_a_genotype():
    genotype = Genotype.from_string(PROXYLESS)
    assert genotype.space == "mobilenet"
    assert str(genotype) == PROXYLESS
    assert genotype.count("skip_connect") == 2
    names = [edge.primitive for edge in genotype.cells["layers"]]
    assert names[:5] == [
        "mb3_k5",
        "mb3_k3",
        "skip_connect",
        "skip_connect",
        "mb3_k7",
    ]


def test_the_published_network_is_of_the_wider_space():
    genotype = PUBLISHED["PROXYLESS_MOBILE"]
    assert genotype.space == "mobilenet_32"
    assert genotype.to_dict()["arch"] == PROXYLESS
    assert load_genotype(str(genotype)) == genotype


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("2221222", "has 7 layers; .*has 8 layers"),
        ("22212223", "the symbol '3'.*0, 1, 2"),
    ],
)
def test_a_malformed_string_says_what_is_expected(arch, message):
    with pytest.raises(ValueError, match=message):
        Genotype.from_dict({"space": "macro", "arch": arch})


def test_a_layer_that_changes_the_width_cannot_be_left_out():
    arch = PROXYLESS.replace("5_3 3_3", "- 3_3", 1)
    with pytest.raises(ValueError, match="Wrong primitive 'skip_connect'"):
        Genotype.from_string(arch)
