"""Tests of `maenas_tf.searching.scoring_places`, with a fake for a cluster.

What is done on a real one is in tests/tools.
"""

from __future__ import annotations

import pickle
import shutil

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.searching import node_scorer, scoring_places, setup
from maenas_tf.searching.begin import make_search
from maenas_tf.selection.evolution import Evolution
from tests.searching import small

TRAINING_FREE = {
    "algorithm": "training_free",
    "dataset": "arrays",
    "num_candidates": 8,
}
SUPERNET = {
    "algorithm": "single_path",
    "selection": "evolution",
    "dataset": "arrays",
    "epochs": 1,
    "held_out_images": 8,
    "num_candidates": 8,
    "score": "loss+macs",
}


class NodesInTurn:
    """In place of a cluster: results come in another order than asked for."""

    note = ""
    number = 0

    def __init__(self, make, *arguments):
        # As on a node: nothing is shared with this process.
        self.score = make(*pickle.loads(pickle.dumps(arguments)))

    def results(self, calls, watch):
        calls = pickle.loads(pickle.dumps(calls))
        for place in reversed(range(len(calls))):
            NodesInTurn.number += 1
            watch()
            yield place, self.score(*calls[place])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    shrink(monkeypatch)


def shrink(monkeypatch):
    monkeypatch.setattr(Evolution, "population", 4)
    monkeypatch.setattr(scoring_places, "_CHUNK_ON_NODES", 1)
    monkeypatch.setattr(NodesInTurn, "number", 0)
    for module in (node_scorer, setup):
        monkeypatch.setattr(
            module, "load_configured", lambda *_: small.make_images(24)
        )


def make(run_dir, settings, make_pool=None, signals=None):
    config = small.make_config(**settings)
    images = small.make_images(24)
    return make_search(
        config, run_dir, images, make_pool=make_pool, signals=signals
    )


def lines(run_dir):
    """Returns candidates.csv without the seconds."""
    text = (run_dir / "candidates.csv").read_text().splitlines()
    return [line.rpartition(",")[0] for line in text]


@pytest.fixture(scope="module", params=[TRAINING_FREE, SUPERNET])
def finished(request, tmp_path_factory):
    """Settings, and what a search in one process leaves."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink(monkeypatch)
        run_dir = tmp_path_factory.mktemp("here") / "run"
        return request.param, run_dir, make(run_dir, request.param).run()


def test_scored_on_nodes_in_any_order_a_search_ends_the_same(
    finished, tmp_path
):
    settings, run_dir, expected = finished
    run = tmp_path / "run"
    stopped = SignalWatch()

    class Stopping(NodesInTurn):
        def results(self, calls, watch):
            for result in super().results(calls, watch):
                if NodesInTurn.number == 6:
                    stopped.received = "SIGTERM"
                yield result

    with pytest.raises(Interrupted, match="SIGTERM in the selection after 6 "):
        make(run, settings, Stopping, stopped).run()
    assert len(lines(run)) == 1 + 6
    found = make(run, settings, NodesInTurn).run()
    # What was scored is not scored again.
    assert NodesInTurn.number == 8
    assert found.genotype == expected.genotype
    assert lines(run) == lines(run_dir)
    told = dict(found.summary["selection"]), dict(expected.summary["selection"])
    for selection in told:
        del selection["seconds"]
    assert told[0] == told[1]


@pytest.mark.parametrize("finished", [TRAINING_FREE], indirect=True)
def test_a_cluster_is_not_asked_about_what_is_known(finished, tmp_path):
    settings, run_dir, expected = finished
    copy = tmp_path / "copy"
    shutil.copytree(run_dir, copy)
    (copy / "summary.json").unlink()

    def refuse(*arguments):
        raise AssertionError(arguments)

    assert make(copy, settings, refuse).run().genotype == expected.genotype


def test_a_node_with_other_images_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(
        node_scorer, "load_configured", lambda *_: small.make_images(23)
    )
    with pytest.raises(ConfigError, match="its images are not those.*--data_"):
        make(tmp_path / "run", TRAINING_FREE, NodesInTurn).run()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "--selection=alphas scores none"),
        ({"restarts": 2}, "--selection=alphas scores none"),
        (
            {"selection": "perturbation", "tuning_epochs": 1},
            "--tuning_epochs=1 trains",
        ),
        (
            {
                "selection": "evolution",
                "strategy": "multi_worker",
                "workers": "a:1,b:1",
                "worker_index": 0,
            },
            "one process, not --strategy=multi_worker",
        ),
    ],
)
def test_searches_that_nodes_have_no_part_in_are_refused(
    settings, words, tmp_path
):
    with pytest.raises(ConfigError, match=words):
        make(tmp_path / "run", {"dataset": "arrays", **settings}, NodesInTurn)
    assert not (tmp_path / "run").exists()


def test_the_strongest_of_restarts_are_judged_alike_on_nodes(tmp_path):
    settings = {
        "selection": "strongest",
        "score": "jacov+macs",
        "dataset": "arrays",
        "decoder": "linear",
        "epochs": 1,
        "warmup_epochs": 0,
        "restarts": 2,
        "num_candidates": 3,
        "init_channels": 4,
        "eval_init_channels": 2,
        "eval_num_cells": 1,
    }
    here, there = tmp_path / "here", tmp_path / "there"
    expected = make(here, settings).run()
    shutil.copytree(here, there)
    for folder in (there, there / "restart_1"):
        (folder / "summary.json").unlink()
        (folder / "candidates.csv").unlink()
    found = make(there, settings, NodesInTurn).run()
    assert found.genotype == expected.genotype
    assert NodesInTurn.number == 6
    for name in ("", "restart_1"):
        assert lines(there / name) == lines(here / name)
