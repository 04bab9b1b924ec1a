"""Tests of `maenas_tf.searching.restarts`."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import maenas_tf as mn
from maenas_tf.config import ConfigError
from maenas_tf.correlation.weight_sharing import SharedWeights
from maenas_tf.engine.loop import Loop
from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.runs import csv_files
from maenas_tf.runs.run_reader import NotUsable, read_run, read_runs
from maenas_tf.runs.run_record import measures
from maenas_tf.runs.score_table import ScoreTable
from maenas_tf.scores.rules import RULES
from maenas_tf.searching.begin import make_search
from maenas_tf.searching.choose import choose
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.consensus import find_consensus
from maenas_tf.searching.restarts import RestartedExperiment
from maenas_tf.searching.search_report import SearchReport
from maenas_tf.searching.searcher import Searcher
from maenas_tf.spaces import SPACES
from tests import scripts
from tests.searching import restart_replicas, small
from tests.tools import commands

SEED, EPOCHS = 3, 2
# All that a seed decides: weights, alphas, masks, order, noise, the first
# vector and the batch of the Hessian; two phases, each with a graph.
SETTINGS = {
    "space": small.ONE_EDGE.name,
    "dataset": "arrays",
    "decoder": "linear",
    "epochs": EPOCHS,
    "warmup_epochs": 1,
    "alpha_learning_rate": 0.1,
    "hessian_every": 1,
    "perturb_alphas": "random",
    "seed": SEED,
}
IMAGES = small.make_images(24)
STRONGEST = {
    "selection": "strongest",
    "num_candidates": 2,
    "score": "jacov+macs",
    "eval_init_channels": 2,
    "eval_num_cells": 1,
}
STEPS = 3
UNLIKE = ("seconds", "images_per_second")


@pytest.fixture(scope="module", autouse=True)
def registered():
    with SPACES.temporary(small.ONE_EDGE.name, small.ONE_EDGE):
        yield


def make(run_dir, signals=None, **settings):
    config = small.make_config(**{**SETTINGS, **settings})
    return make_search(config, run_dir, IMAGES, signals=signals)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("restarts")


@pytest.fixture(scope="module")
def traces():
    """How often `train_step` was traced, by run."""
    return {}


@pytest.fixture(scope="module")
def finished(folder, traces):
    """A run of two restarts and a plain search of the second's seed."""
    train_step, results = Searcher.train_step, {}

    def counted(name):
        traces[name] = 0

        def step(self, data):
            traces[name] += 1
            return train_step(self, data)

        return step

    with pytest.MonkeyPatch.context() as patch:
        for name, settings in (
            ("plain", {"seed": SEED + 1}),
            ("both", {"restarts": 2}),
        ):
            patch.setattr(Searcher, "train_step", counted(name))
            results[name] = make(folder / name, **settings).run()
    return results


def rows(run_dir):
    found = commands.history(run_dir)
    return [{k: v for k, v in r.items() if k not in UNLIKE} for r in found]


def check_equal(one, other):
    """Checks that two searches left the same bits."""
    assert rows(one) == rows(other)
    for name, stack in commands.alphas(one).items():
        np.testing.assert_array_equal(stack, commands.alphas(other)[name])
    (state, variables), (theirs, others) = map(
        commands.checkpoint, (one, other)
    )
    assert variables == others
    assert state["totals"] == theirs["totals"]


def summary_of(run_dir):
    return json.loads((run_dir / "summary.json").read_text())


def test_a_restart_is_the_search_of_its_seed_to_the_bit(finished, folder):
    restart, plain = folder / "both/restart_1", folder / "plain"
    check_equal(restart, plain)
    config = json.loads((restart / "config.json").read_text())
    assert config == json.loads((plain / "config.json").read_text())
    assert config["seed"] == SEED + 1
    # The seed does decide something.
    _, before = commands.checkpoint(folder / "both/restart_0")
    assert before != commands.checkpoint(plain)[1]


def test_all_restarts_are_traced_once(finished, traces):
    assert traces["both"] == traces["plain"]


def test_the_architecture_is_read_off_the_mean_weights(finished, folder):
    parts = [folder / f"both/restart_{number}" for number in (0, 1)]
    each = [commands.alphas(part)["weights_cell"] for part in parts]
    mean = np.mean(each, axis=0)
    assert (each[0][-1] != each[1][-1]).any()
    with np.load(folder / "both/weights.npz") as arrays:
        np.testing.assert_array_equal(arrays["cell"], mean[-1])
    whole = commands.alphas(folder / "both")
    np.testing.assert_array_equal(whole["weights_cell"], mean)
    np.testing.assert_array_equal(
        finished["both"].alphas["cell"], whole["alphas_cell"]
    )
    records, _ = read_runs(map(str, parts), SearchConfig.unsaid())
    found = find_consensus(records)
    assert found.genotype == finished["both"].genotype
    assert found.genotype == mn.load_genotype(folder / "both")


def test_the_history_is_the_mean_of_each_epoch(finished, folder):
    each = [
        commands.history(folder / f"both/restart_{number}") for number in (0, 1)
    ]
    whole = commands.history(folder / "both")
    assert [row["epoch"] for row in whole] == ["0", "1"]
    for row, *parts in zip(whole, *each, strict=True):
        for name, combine in (
            ("weight_loss", np.mean),
            ("hessian_eigenvalue", np.mean),
            ("seconds", np.sum),
        ):
            found = combine([float(part[name]) for part in parts])
            assert float(row[name]) == pytest.approx(found)
    assert whole[0]["alpha_loss"] == ""
    assert whole[-1]["genotype"] == str(finished["both"].genotype)
    assert finished["both"].history[1]["weight_loss"] == float(
        whole[1]["weight_loss"]
    )


def test_the_summary_tells_of_each_restart(finished, folder):
    summary = finished["both"].summary
    assert summary == summary_of(folder / "both")
    assert summary["kind"] == "search"
    assert summary["seed"] == SEED
    assert summary["steps"] == 2 * EPOCHS * STEPS
    assert summary["num_labels_read"] == 0
    parts = [summary_of(folder / f"both/restart_{n}") for n in (0, 1)]
    assert [r["seed"] for r in summary["restarts"]] == [SEED, SEED + 1]
    assert [r["genotype"] for r in summary["restarts"]] == [
        part["genotype"] for part in parts
    ]
    assert all(set(r["skips"]) == {"cell"} for r in summary["restarts"])
    assert summary["seconds_search"] == pytest.approx(
        sum(part["seconds_search"] for part in parts), abs=2e-3
    )


def test_a_report_takes_the_whole_for_one_run(finished, folder):
    (record,), problems = read_runs(
        [str(folder / "both")], SearchConfig.unsaid()
    )
    assert problems == {}
    assert record.settings["restarts"] == 2
    # Of each step the images of both halves, but in the warm-up.
    assert measures(record)["images"] == 2 * STEPS * 4 * (1 + 2)


def test_without_restarts_nothing_is_said_of_them(finished, folder):
    names = {path.name for path in (folder / "plain").iterdir()}
    assert not {name for name in names if name.startswith("restart")}
    assert "weights.npz" not in names
    assert "restarts" not in finished["plain"].summary


@pytest.fixture
def half(finished, folder, tmp_path):
    """A run that was killed between its two restarts."""
    run_dir = tmp_path / "half"
    shutil.copytree(folder / "both", run_dir)
    shutil.rmtree(run_dir / "restart_1")
    (run_dir / "summary.json").unlink()
    return run_dir


def test_a_signal_between_restarts_stops_and_keeps_the_first(half, monkeypatch):
    monkeypatch.setattr(RestartedExperiment, "_reached", lambda self: 0)
    signals = SignalWatch()
    signals.received = "SIGTERM"
    with pytest.raises(Interrupted, match="SIGTERM after restart 1 of 2"):
        make(half, signals, restarts=2).run()
    first = mn.load_genotype(half / "restart_0")
    assert mn.load_genotype(half) == first
    with pytest.raises(NotUsable, match="not finished: 1 of 2 restarts"):
        read_run(half, "half", SearchConfig.unsaid())


def test_a_run_goes_on_between_restarts_and_in_the_middle_of_an_epoch(
    half, finished, folder, monkeypatch, capsys
):
    signals, run_chunk = SignalWatch(), Loop._run_chunk

    def stop(loop, *arguments):
        run_chunk(loop, *arguments)
        if (loop.state["epoch"], loop.state["step"]) == (1, 1):
            signals.received = "SIGTERM"

    before = (half / "restart_0/summary.json").stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_run_chunk", stop)
        place = "in restart 2/2, epoch 2 after step 1 of 3"
        with pytest.raises(Interrupted, match=place):
            make(half, signals, restarts=2).run()
    result = make(half, restarts=2).run()
    assert (half / "restart_0/summary.json").stat().st_mtime_ns == before
    said = capsys.readouterr().out
    assert "restart 2/2, epoch 2/2: " in said
    assert "going on after 1 steps of epoch 2" in said
    check_equal(half / "restart_1", folder / "both/restart_1")
    assert rows(half) == rows(folder / "both")
    assert result.genotype == finished["both"].genotype
    # Once more, and all is as it was.
    text = (half / "summary.json").read_text()
    again = make(half, restarts=2).run()
    assert (half / "summary.json").read_text() == text
    assert again.genotype == result.genotype
    assert again.history == result.history


def test_a_run_of_other_restarts_or_images_is_refused(finished, folder):
    with pytest.raises(ConfigError, match="--restarts=3 .there: 2."):
        make(folder / "both", restarts=3)
    with pytest.raises(ConfigError, match="--restarts=2 .there: 1."):
        make(folder / "plain", restarts=2, seed=SEED + 1)
    config = small.make_config(**SETTINGS, restarts=2)
    with pytest.raises(ConfigError, match="other images"):
        make_search(config, folder / "both", small.make_images(28))


def test_a_restart_that_cannot_be_read_is_named(finished, folder, tmp_path):
    broken = json.dumps({"kind": "training"})
    for number in (0, 1):
        path = tmp_path / f"restart_{number}"
        path.mkdir()
        (path / "summary.json").write_text(broken)
    experiment = make(tmp_path, restarts=2)
    with pytest.raises(ConfigError, match="restart_0 that cannot be used"):
        experiment._average(2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"algorithm": "single_path"}, "--algorithm=single_path"),
        ({"algorithm": "training_free"}, "--algorithm=training_free"),
        ({"selection": "evolution"}, "--selection=evolution"),
        ({"selection": "perturbation"}, "--selection=perturbation"),
    ],
)
def test_what_reads_nothing_off_alphas_has_no_mean(settings, words):
    config = SearchConfig(space="nasbench201", restarts=2, **settings)
    with pytest.raises(ConfigError, match=f"--restarts=2 .*{words}.*drop"):
        choose(config, SPACES.get("nasbench201"))


def test_losses_in_one_of_several_supernets_are_refused():
    settings = {"space": "nasbench201", "selection": "strongest"}
    config = SearchConfig(restarts=2, score="loss+macs", **settings)
    with pytest.raises(ConfigError, match=r"--score=loss\+macs .*restarts=2"):
        choose(config, SPACES.get("nasbench201"))
    choose(config.replace(restarts=1), SPACES.get("nasbench201"))
    choose(config.replace(score="macs"), SPACES.get("nasbench201"))


@pytest.fixture(scope="module")
def of_strongest(folder):
    """Two restarts, and of the two strongest of their mean the largest."""
    return make(folder / "strongest", restarts=2, **STRONGEST).run()


def test_the_best_of_the_strongest_of_the_mean_is_taken(of_strongest, folder):
    run_dir = folder / "strongest"
    found = summary_of(run_dir)["selection"]
    assert (found["by"], found["candidates"]) == ("strongest", 2)
    table = csv_files.read_rows(run_dir / "candidates.csv")
    total = np.array(
        [[float(row[name]) for name in ("jacov", "macs")] for row in table]
    )
    best = table[int(np.argmax(RULES.get("log_ranks")(total)))]
    assert str(of_strongest.genotype) == best["genotype"]
    assert found["jacov"] == float(best["jacov"])
    with np.load(run_dir / "weights.npz") as arrays:
        ((kind, mean),) = arrays.items()
    primitives = small.ONE_EDGE.cell_type(kind).edges[0].primitives
    two = {primitives[i] for i in np.argsort(-mean[0])[:2]}
    assert {row["genotype"].split("~")[0].strip("|") for row in table} == two
    # Each restart has chosen as it does alone.
    alone = summary_of(run_dir / "restart_1")
    assert alone["selection"]["candidates"] == 2


def test_the_warning_of_the_whole_is_that_of_the_mean(
    of_strongest, folder, tmp_path, monkeypatch
):
    run_dir = tmp_path / "strongest"
    shutil.copytree(folder / "strongest", run_dir)
    (run_dir / "summary.json").unlink()
    last = run_dir / "restart_1" / "summary.json"
    last.write_text(json.dumps({**json.loads(last.read_text()), "warning": 1}))
    told = []

    def warn(self, row):
        told.append(float(row["alpha_loss"]))
        return "too few"

    monkeypatch.setattr(SearchReport, "overfit_warning", warn)
    make(run_dir, restarts=2, **STRONGEST).run()
    assert summary_of(run_dir)["warning"] == "too few"
    each = [commands.history(run_dir / f"restart_{i}")[-1] for i in (0, 1)]
    mean = np.mean([float(row["alpha_loss"]) for row in each])
    np.testing.assert_allclose(told, [mean], rtol=1e-6)


def test_a_selection_of_the_mean_goes_on(
    of_strongest, folder, tmp_path, monkeypatch
):
    run_dir = tmp_path / "strongest"
    shutil.copytree(folder / "strongest", run_dir)
    before = summary_of(run_dir)
    (run_dir / "summary.json").unlink()
    table = (run_dir / "candidates.csv").read_text().splitlines(True)
    (run_dir / "candidates.csv").write_text("".join(table[:2]))
    scored = []
    add = ScoreTable.add

    def counted(self, key, *row):
        scored.append(key)
        add(self, key, *row)

    monkeypatch.setattr(ScoreTable, "add", counted)
    for _ in range(2):  # The second finds all done.
        found = make(run_dir, restarts=2, **STRONGEST).run()
        assert found.genotype == of_strongest.genotype
    assert scored == [table[2].split(",")[0].strip('"')]
    after = summary_of(run_dir)
    for summary in (before, after):
        del summary["selection"]["seconds"], summary["seconds_search"]
    assert after == before


def test_seeds_of_restarts_must_exist():
    assert SearchConfig(seed=2**32 - 2, restarts=2).restarts == 2
    with pytest.raises(ConfigError, match="restarts=2.*smaller --seed"):
        SearchConfig(seed=2**32 - 1, restarts=2)
    with pytest.raises(ConfigError, match="restarts=0"):
        SearchConfig(restarts=0)


def test_a_supernet_of_several_is_asked_for_by_its_restart(finished, folder):
    with pytest.raises(ConfigError, match="2 searches.*restart_0"):
        SharedWeights(folder / "both", small.ONE_EDGE.name, 8)


def test_two_replicas_begin_anew_as_they_began(tmp_path):
    scripts.run(restart_replicas, tmp_path)
    check_equal(tmp_path / "both/restart_1", tmp_path / "plain")
