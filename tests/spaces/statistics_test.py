"""Tests of `maenas_tf.spaces.statistics`."""

import math

import numpy as np
import pytest

from maenas_tf.spaces import PUBLISHED, Genotype, GenotypeEdge, statistics

NB201 = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"


def darts_genotype(normal, reduce):
    """Returns a DARTS genotype with the given eight primitives a cell."""
    places = [(0, 2), (1, 2), (0, 3), (1, 3), (0, 4), (1, 4), (0, 5), (1, 5)]
    cells = {
        name: tuple(
            GenotypeEdge(primitive, source, node)
            for primitive, (source, node) in zip(chosen, places, strict=True)
        )
        for name, chosen in (("normal", normal), ("reduce", reduce))
    }
    return Genotype("darts", cells)


def nasbench_genotype(*primitives):
    return Genotype.from_string(NB201.format(*primitives))


def test_entropy_of_uniform_weights_is_the_logarithm_of_their_number():
    weights = np.full((14, 8), 1 / 8)
    assert statistics.entropy(weights) == pytest.approx(math.log(8))


def test_entropy_of_decided_edges_is_zero():
    assert statistics.entropy(np.eye(5)) == 0.0


def test_entropy_is_the_mean_over_edges_in_nats():
    weights = np.array([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5]])
    expected = (math.log(2) + 1.5 * math.log(2)) / 2
    assert statistics.entropy(weights) == pytest.approx(expected)


@pytest.mark.parametrize(
    "weights", [np.ones(3), np.zeros((0, 3)), [[-0.1, 1.1]], [[np.nan, 1.0]]]
)
def test_entropy_rejects_what_are_no_weights(weights):
    with pytest.raises(ValueError, match="softmaxed weights"):
        statistics.entropy(weights)


def test_counts_of_published_cells_match_the_paper():
    genotype = PUBLISHED["DARTS_V2"]
    assert statistics.count_skips(genotype) == {"normal": 2, "reduce": 3}
    assert statistics.count_pools(genotype) == {"normal": 0, "reduce": 5}


def test_average_pools_count_as_pools():
    genotype = PUBLISHED["DARTS_V1"]
    assert statistics.count_pools(genotype) == {"normal": 0, "reduce": 5}


def test_no_warning_about_good_published_cells():
    for genotype in PUBLISHED.values():
        assert statistics.collapse_warning(genotype) is None


@pytest.mark.parametrize(("skips", "warns"), [(3, False), (4, True), (8, True)])
def test_half_of_the_normal_cell_skipping_is_a_warning(skips, warns):
    normal = ["skip_connect"] * skips + ["sep_conv_3x3"] * (8 - skips)
    genotype = darts_genotype(normal, ["sep_conv_3x3"] * 8)
    warning = statistics.collapse_warning(genotype)
    assert (warning is not None) == warns
    if warns:
        assert f"{skips} of 8" in warning
        assert "Few skips is not accuracy" in warning


@pytest.mark.parametrize(("pools", "warns"), [(7, False), (8, True)])
def test_a_normal_cell_that_only_pools_is_a_warning(pools, warns):
    normal = ["max_pool_3x3"] * pools + ["sep_conv_3x3"] * (8 - pools)
    genotype = darts_genotype(normal, ["sep_conv_3x3"] * 8)
    assert (statistics.collapse_warning(genotype) is not None) == warns


def test_the_reduction_cell_gives_no_warning():
    genotype = darts_genotype(["sep_conv_3x3"] * 8, ["skip_connect"] * 8)
    assert statistics.collapse_warning(genotype) is None


def test_four_of_six_edges_without_parameters_are_a_warning():
    conv = "nor_conv_3x3"
    few = nasbench_genotype(
        "none", "skip_connect", "avg_pool_3x3", conv, conv, conv
    )
    many = nasbench_genotype(
        "none", "skip_connect", "avg_pool_3x3", "none", conv, conv
    )
    assert statistics.collapse_warning(few) is None
    warning = statistics.collapse_warning(many)
    assert "4 of 6" in warning
    assert "1 skip, 1 pool, 2 cut" in warning
