"""A search of one path a step, to its end and interrupted everywhere."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.ops.packing import stacked_paths
from maenas_tf.runs.run_reader import read_run
from maenas_tf.runs.run_record import measures
from maenas_tf.searching.experiment import SearchExperiment
from maenas_tf.selection.evolution import Evolution
from maenas_tf.spaces import Genotype
from tests.searching import small
from tests.tools.commands import history

NUM_IMAGES = 24
SETTINGS = {
    "algorithm": "single_path",
    "selection": "evolution",
    "dataset": "arrays",
    "epochs": 2,
    "held_out_images": 8,
    "max_parameters": 300_000,
}
POPULATION, GENERATIONS = 8, 3


@pytest.fixture(autouse=True)
def _small_evolution(monkeypatch):
    shrink(monkeypatch)


def shrink(monkeypatch):
    monkeypatch.setattr(Evolution, "population", POPULATION)
    monkeypatch.setattr(Evolution, "generations", GENERATIONS)


def make(run_dir, signals=None):
    config = small.make_config(**SETTINGS)
    images = small.make_images(NUM_IMAGES)
    return SearchExperiment(config, run_dir, images, signals=signals)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run directory that nothing disturbed, copies of it, the result.

    The copies were taken amid the second epoch and amid the selection.
    """
    folder = tmp_path_factory.mktemp("single_path")
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink(monkeypatch)
        experiment = make(folder / "whole")
        loop, save = experiment.loop, experiment.loop.save
        scored = []

        def save_and_copy():
            path = save()
            if (loop.state["epoch"], loop.state["step"]) == (1, 2):
                shutil.copytree(folder / "whole", folder / "amid_training")
            return path

        make_scorer = experiment.make_scorer

        def counting_scorer():
            scorer = make_scorer()

            def score(weights, genotypes):
                losses = scorer(weights, genotypes)
                scored.append(len(losses))
                return losses

            score.num_images = scorer.num_images
            return score

        monkeypatch.setattr(experiment, "make_scorer", counting_scorer)
        loop.save, loop.checkpoint_seconds = save_and_copy, -1.0
        result = experiment.run()
    return folder, result, sum(scored)


def rows(run_dir):
    """Returns candidates.csv without what depends on the machine."""
    text = (run_dir / "candidates.csv").read_text().splitlines()
    return [line.rpartition(",")[0] for line in text]


def test_the_candidate_of_least_loss_is_the_result(finished):
    folder, result, num_scored = finished
    header, *lines = rows(folder / "whole")
    assert header == "genotype,held_out_loss,parameters,macs"
    candidates = [line.split(",") for line in lines]
    assert len(candidates) == num_scored == POPULATION * GENERATIONS
    best = min(candidates, key=lambda row: float(row[1]))
    assert str(result.genotype) == best[0]
    selection = result.summary["selection"]
    assert selection["by"] == "evolution"
    assert selection["candidates"] == len(candidates)
    assert selection["held_out_loss"] == float(best[1])
    assert selection["held_out_images"] == 8
    network = result.summary["evaluation_network"]
    assert [network["parameters"], network["macs"]] == [*map(int, best[2:])]
    assert all(int(row[2]) <= 300_000 for row in candidates)
    text = (folder / "whole" / "genotype.json").read_text()
    assert Genotype.from_json(text) == result.genotype


def test_there_is_nothing_about_alphas_in_what_it_leaves_behind(finished):
    folder, result, _ = finished
    run_dir = folder / "whole"
    assert result.alphas == {}
    assert not (run_dir / "alphas.npz").exists()
    names = sorted(path.name for path in (run_dir / "plots").iterdir())
    assert names == ["cell_cell.png", "reconstructions.png"]
    for row in history(run_dir):
        assert sorted(row) == [
            "epoch",
            "images_per_second",
            "learning_rate_weights",
            "seconds",
            "weight_loss",
        ]
    summary = json.loads((run_dir / "summary.json").read_text())
    assert "warmup_epochs" not in summary
    figures = measures(read_run(run_dir, "run", {}))
    assert "entropy_cell" not in figures
    assert figures["seconds"] >= summary["selection"]["seconds"]
    # All images but the eight, in whole batches.
    assert figures["images"] == 2 * (NUM_IMAGES - 8)


@pytest.mark.parametrize("place", ["amid_training", "amid_selection"])
def test_a_killed_search_ends_as_one_in_peace(finished, place):
    folder, expected, _ = finished
    run_dir = folder / place
    if place == "amid_selection":
        # SIGKILL: what the table kept, and no summary.
        shutil.copytree(folder / "whole", run_dir)
        (run_dir / "summary.json").unlink()
        (run_dir / "genotype.json").unlink()
        lines = (run_dir / "candidates.csv").read_text().splitlines()
        (run_dir / "candidates.csv").write_text("\n".join(lines[:12]) + "\n")
    result = make(run_dir).run()
    assert result.genotype == expected.genotype
    assert rows(run_dir) == rows(folder / "whole")
    assert len(result.history) == 2


def test_a_signal_in_the_selection_keeps_what_was_scored(finished, capsys):
    folder, expected, _ = finished
    run_dir = folder / "signalled"
    shutil.copytree(folder / "whole", run_dir)
    for name in ("summary.json", "candidates.csv"):
        (run_dir / name).unlink()
    signals = SignalWatch()
    signals.received = "SIGTERM"
    with pytest.raises(Interrupted, match="SIGTERM in the selection after 1 "):
        make(run_dir, signals).run()
    assert len(rows(run_dir)) == 2
    result = make(run_dir).run()
    assert "going on after 1 candidates" in capsys.readouterr().out
    assert result.genotype == expected.genotype
    assert rows(run_dir) == rows(folder / "whole")


def test_each_step_trains_the_weights_of_one_path(tmp_path):
    experiment = make(tmp_path / "run")
    try:
        searcher = experiment.searcher
        searcher.update_alphas = False
        searcher.weight_decay = 0.0
        trained = set()
        for step, batch in enumerate(experiment.data.epoch(0, 0).take(3)):
            weights = searcher.draw(tf.constant(step, tf.int64))["cell"]
            before = small.values(searcher.weight_variables)
            velocities = small.values(searcher.weight_optimizer.momentums)
            searcher.train_step(batch)
            after = small.values(searcher.weight_optimizer.momentums)
            moved = {
                path
                for variable, old, new in zip(
                    searcher.weight_variables, velocities, after, strict=True
                )
                if "edge_" in variable.path
                for path, was, now in zip(
                    stacked_paths(variable), old, new, strict=True
                )
                # More than the momentum of earlier steps.
                if not np.allclose(now, 0.9 * was, atol=1e-9)
            }
            drawn = {
                f"edge_{edge.source}_{edge.node}/{name}/"
                for edge, row in zip(
                    experiment.space.cell_types[0].edges, weights, strict=True
                )
                for name, weight in zip(edge.primitives, row, strict=True)
                if weight
            }
            assert moved
            assert all(any(d in path for d in drawn) for path in moved)
            trained |= moved
            assert len(before) == len(after)
        assert len(trained) > 3
    finally:
        experiment.run_directory.close()


def test_a_darts_search_can_end_with_a_selection_by_loss(tmp_path, monkeypatch):
    monkeypatch.setattr(Evolution, "generations", 1)
    config = small.make_config(
        dataset="arrays", epochs=1, selection="evolution", held_out_images=8
    )
    images = small.make_images(NUM_IMAGES)
    result = SearchExperiment(config, tmp_path / "run", images).run()
    assert result.alphas["cell"].shape == (1, 6, 5)
    assert result.summary["selection"]["candidates"] == POPULATION
    header, *lines = rows(tmp_path / "run")
    best = min(lines, key=lambda line: float(line.split(",")[1]))
    assert str(result.genotype) == best.split(",")[0]


def test_a_perturbation_ends_the_same_if_it_is_killed(tmp_path):
    config = small.make_config(
        dataset="arrays",
        epochs=1,
        selection="perturbation",
        held_out_images=8,
    )
    images = small.make_images(NUM_IMAGES)
    whole = SearchExperiment(config, tmp_path / "run", images).run()
    file = tmp_path / "run" / "perturbations.csv"
    expected = file.read_text().splitlines()
    # Each of six edges as it is and without five candidates.
    assert len(expected) == 1 + 6 * 6
    assert expected[0] == "variant,held_out_loss,seconds"
    assert whole.summary["selection"]["by"] == "perturbation"
    header, only = rows(tmp_path / "run")
    assert only.split(",")[0] == str(whole.genotype)
    assert (
        float(only.split(",")[1])
        == (whole.summary["selection"]["held_out_loss"])
    )

    file.write_text("\n".join(expected[:14]) + "\n")
    for name in ("summary.json", "candidates.csv"):
        (tmp_path / "run" / name).unlink()
    again = SearchExperiment(config, tmp_path / "run", images).run()
    assert again.genotype == whole.genotype
    found = file.read_text().splitlines()
    assert [line.split(",")[:2] for line in found] == [
        line.split(",")[:2] for line in expected
    ]
