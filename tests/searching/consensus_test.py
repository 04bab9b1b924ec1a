"""Tests of `maenas_tf.searching.consensus`."""

import dataclasses
import json

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.searching.consensus import find_consensus
from maenas_tf.spaces import load_genotype
from maenas_tf.spaces.nasbench201 import NASBENCH201, PRIMITIVES
from tests.runs import records

NETWORK = {
    "init_channels": 16,
    "num_cells": 1,
    "image_size": 32,
    "num_classes": 10,
    "stem": "cifar",
}
CONV, SKIP = PRIMITIVES.index("nor_conv_3x3"), PRIMITIVES.index("skip_connect")


def search(name, favourite, strength, **settings):
    """Returns a search of two epochs that agree after a warm-up of one."""
    found = records.record(name, **settings)
    weights = np.full((3, 6, 5), 0.1)
    weights[0, :, 0] = 9.0  # The warm-up's must not count.
    weights[1:, :, favourite] = strength
    return dataclasses.replace(
        found,
        weights={"cell": weights},
        summary={
            **found.summary,
            "warmup_epochs": 1,
            "evaluation_network": dict(NETWORK),
        },
    )


def test_architecture_is_read_off_the_mean():
    # Two are for skips, the third for convolutions, and surer.
    runs = [
        search("a", SKIP, 0.4, alpha_average=2),
        search("b", SKIP, 0.4, alpha_average=2),
        search("c", CONV, 0.9, alpha_average=2),
    ]
    found = find_consensus(runs)
    names = {edge.primitive for edge in found.genotype.cells["cell"]}
    assert names == {"nor_conv_3x3"}
    np.testing.assert_allclose(
        found.weights["cell"][:, [SKIP, CONV]], [[0.3, 1.1 / 3]] * 6
    )
    assert list(found.runs) == ["a", "b", "c"]
    assert found.seconds == pytest.approx(21.0)
    assert found.num_labels_read == 0


def test_each_search_counts_by_its_last_epochs():
    run = search("a", SKIP, 0.4)
    run.weights["cell"][2, :, CONV] = 0.5  # In the last epoch alone.
    (by_last,) = find_consensus([run]).genotype.cells.values()
    assert {edge.primitive for edge in by_last} == {"nor_conv_3x3"}
    settings = {**run.settings, "alpha_average": 2}
    averaged = dataclasses.replace(run, settings=settings)
    (by_mean,) = find_consensus([averaged]).genotype.cells.values()
    assert {edge.primitive for edge in by_mean} == {"skip_connect"}


def test_a_search_that_stopped_early_counts_by_its_genotypes_epoch():
    run = search("a", SKIP, 0.4)
    run.weights["cell"][2, :, CONV] = 0.5  # In the last epoch alone.
    run.summary["early_stop"] = {"stopped": False}
    whole = find_consensus([run]).genotype
    run.summary["early_stop"] = {"stopped": True, "genotype_epoch": 1}
    stopped = find_consensus([run]).genotype
    assert whole.count("nor_conv_3x3") == stopped.count("skip_connect") == 6


def test_limits_are_kept():
    free = find_consensus([search("a", CONV, 0.9)])
    limit = free.network["parameters"] - 1
    kept = find_consensus([search("a", CONV, 0.9, max_parameters=limit)])
    assert kept.network["parameters"] <= limit
    assert kept.genotype != free.genotype
    assert kept.network["without_limits"]["genotype"] == (
        free.genotype.to_dict()
    )


def test_the_limit_on_skips_is_kept():
    found = find_consensus([search("a", SKIP, 0.4, max_skips=2)])
    assert found.genotype.count("skip_connect") == 2


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"max_macs": 10**9}, "max_macs=0 and b with max_macs=1000000000"),
        ({"max_skips": 3}, "max_skips=-1 and b with max_skips=3"),
        ({"classes": 7}, "num_classes=10 and b with num_classes=7"),
    ],
)
def test_searches_must_agree(other, words):
    classes = other.pop("classes", 10)
    second = search("b", SKIP, 0.4, **other)
    second.summary["evaluation_network"]["num_classes"] = classes
    with pytest.raises(ConfigError, match=words):
        find_consensus([search("a", SKIP, 0.4), second])


def test_a_search_without_alphas_is_refused():
    run = dataclasses.replace(search("a", SKIP, 0.4), weights={})
    with pytest.raises(ConfigError, match="a search without alphas"):
        find_consensus([run])


def test_what_is_written_can_be_trained(tmp_path):
    found = find_consensus([search("a", CONV, 0.9), search("b", CONV, 0.5)])
    folder = tmp_path / "new" / "consensus"
    found.write(folder)
    assert load_genotype(folder) == found.genotype
    summary = json.loads((folder / "summary.json").read_text())
    assert set(summary["runs"]) == {"a", "b"}
    with np.load(folder / "weights.npz") as stored:
        np.testing.assert_array_equal(stored["cell"], found.weights["cell"])
        assert stored["cell"].shape == (NASBENCH201.cell_types[0].num_edges, 5)
