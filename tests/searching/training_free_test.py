"""A search that trains nothing, to its end and interrupted."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from maenas_tf.api import search
from maenas_tf.config import ConfigError
from maenas_tf.engine.signals import Interrupted, SignalWatch
from maenas_tf.runs.csv_files import read_rows
from maenas_tf.runs.run_reader import read_run
from maenas_tf.runs.run_record import measures
from maenas_tf.scores.rules import RULES
from maenas_tf.searching.begin import make_search
from maenas_tf.searching.config import SearchConfig
from maenas_tf.selection.evolution import Evolution
from maenas_tf.spaces import SPACES, Genotype, load_genotype
from tests.searching import small

SETTINGS = {
    "algorithm": "training_free",
    "dataset": "arrays",
    "num_candidates": 12,
    "max_parameters": 900_000,
}
SIZES = {"macro": (16, 1, 8), "mobilenet": (64, 1, 8)}


def make(run_dir, signals=None, **settings):
    space = settings.get("space", "nasbench201")
    side, cells, width = SIZES.get(space, (8, None, 2))
    size = {"num_cells": cells, "init_channels": width} if cells else {}
    if space == "mobilenet":
        size["stem"] = "imagenet"
    config = small.make_config(**{**SETTINGS, **size, **settings})
    images = small.make_images(24, image_size=side)
    return make_search(config, run_dir, images, signals=signals)


def lines(run_dir):
    """Returns candidates.csv without the seconds."""
    text = (run_dir / "candidates.csv").read_text().splitlines()
    return [line.rpartition(",")[0] for line in text]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(Evolution, "population", 4)
        run_dir = tmp_path_factory.mktemp("training_free") / "whole"
        return run_dir, make(run_dir).run()


def test_the_run_directory_is_that_of_a_search_without_labels(finished):
    run_dir, result = finished
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary == result.summary
    assert summary["kind"] == "search"
    assert summary["num_labels_read"] == summary["steps"] == 0
    assert load_genotype(run_dir) == result.genotype
    assert (run_dir / "config.json").exists()
    assert (run_dir / "plots" / "cell_cell.png").exists()
    assert summary["selection"]["candidates"] == 12
    assert result.history == []
    assert result.alphas == {}
    rows = read_rows(run_dir / "candidates.csv")
    assert list(rows[0]) == [
        "genotype",
        "expressivity",
        "trainability",
        "regions",
        "macs",
        "parameters",
        "seconds",
    ]
    assert all(int(row["parameters"]) <= 900_000 for row in rows)
    record = read_run(run_dir, "run", {})
    figures = measures(record)
    assert figures["images"] == figures["labels_read"] == 0
    assert figures["seconds"] == summary["selection"]["seconds"]


def test_the_best_by_the_rule_over_all_candidates_is_taken(finished):
    run_dir, result = finished
    rows = read_rows(run_dir / "candidates.csv")
    names = result.summary["selection"]["by_scores"].split("+")
    scores = np.array([[float(row[name]) for name in names] for row in rows])
    totals = RULES.get("log_ranks")(scores)
    best = rows[int(np.argmax(totals))]
    assert best["genotype"] == str(result.genotype)
    assert result.summary["selection"]["score"] == max(totals)


@pytest.mark.parametrize("kept", [1, 3, 7, 11])
def test_a_killed_search_ends_as_one_in_peace(
    finished, tmp_path, kept, monkeypatch
):
    monkeypatch.setattr(Evolution, "population", 4)
    run_dir, expected = finished
    copy = tmp_path / "copy"
    shutil.copytree(run_dir, copy)
    (copy / "summary.json").unlink()
    text = (copy / "candidates.csv").read_text().splitlines()
    (copy / "candidates.csv").write_text("\n".join(text[: 1 + kept]) + "\n")
    found = make(copy).run()
    assert found.genotype == expected.genotype
    assert lines(copy) == lines(run_dir)


def test_a_signal_keeps_what_was_scored_and_a_finished_run_stays(
    finished, tmp_path
):
    signals = SignalWatch()
    signals.received = "SIGTERM"
    with pytest.raises(Interrupted, match="SIGTERM in the selection after 1 "):
        make(tmp_path / "run", signals).run()
    assert len(lines(tmp_path / "run")) == 2
    run_dir, expected = finished
    before = (run_dir / "summary.json").read_bytes()
    assert make(run_dir).run().genotype == expected.genotype
    assert (run_dir / "summary.json").read_bytes() == before


@pytest.mark.parametrize("space", ["darts", "s1", "s4", "macro", "mobilenet"])
def test_every_space_is_searched(space, tmp_path):
    result = make(
        tmp_path / "run",
        space=space,
        num_candidates=2,
        max_parameters=0,
        selection="random",
        score="regions+jacov+synflow+vkdnw+parameters",
        score_rule="z_scores",
    ).run()
    assert result.genotype.space == space
    assert len(lines(tmp_path / "run")) == 3
    for row in read_rows(tmp_path / "run" / "candidates.csv"):
        assert all(
            np.isfinite(float(value))
            for name, value in row.items()
            if name != "genotype"
        )


def test_images_are_shown_where_they_are_asked_for(tmp_path):
    settings = {"score": "regions", "num_candidates": 2, "selection": "random"}
    found = [
        make(tmp_path / shown, score_input=shown, **settings)
        .run()
        .summary["selection"]["regions"]
        for shown in ("noise", "images")
    ]
    assert found[0] != found[1]
    few = small.make_images(8)
    config = small.make_config(
        **{**SETTINGS, **settings, "score_input": "images"}
    )
    with pytest.raises(ConfigError, match="--score_input=images shows 16"):
        make_search(config, tmp_path / "few", few).run()


def test_another_seed_of_the_scores_judges_the_same_candidates_anew(tmp_path):
    settings = {"score": "regions+macs", "num_candidates": 3}
    rows = []
    for seed in (-1, 0, 5):
        run_dir = tmp_path / f"seed_{seed}"
        make(
            run_dir, selection="random", score_seed=seed, seed=0, **settings
        ).run()
        rows.append(read_rows(run_dir / "candidates.csv"))
    own, same, other = (
        [(row["genotype"], row["regions"]) for row in found] for found in rows
    )
    assert own == same
    assert [name for name, _ in own] == [name for name, _ in other]
    assert own != other


def test_python_searches_without_training():
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
    result = search(
        images,
        algorithm="training_free",
        space="nasbench201",
        init_channels=2,
        num_cells=1,
        num_candidates=3,
        score="macs",
    )
    assert isinstance(result.genotype, Genotype)
    assert result.summary["selection"]["macs"] > 0


def test_a_trained_supernet_is_one_more_voter(tmp_path, monkeypatch):
    monkeypatch.setattr(Evolution, "population", 4)
    config = small.make_config(
        space=small.ONE_EDGE.name,
        algorithm="single_path",
        dataset="arrays",
        epochs=1,
        decoder="linear",
        selection="evolution",
        score="regions+loss",
        num_candidates=6,
        held_out_images=8,
    )
    images = small.make_images(24)
    with SPACES.temporary(small.ONE_EDGE.name, small.ONE_EDGE):
        result = make_search(config, tmp_path / "run", images).run()
        rows = read_rows(tmp_path / "run" / "candidates.csv")
        scores = np.array(
            [[float(r["regions"]), -float(r["held_out_loss"])] for r in rows]
        )
        best = rows[int(np.argmax(RULES.get("log_ranks")(scores)))]
        assert str(result.genotype) == best["genotype"]
    assert len(rows) == 5  # All that there are.


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"score": "regions+loss"}, "--score=regions.loss names loss"),
        ({"selection": "alphas"}, "needs alphas"),
        ({"selection": "perturbation"}, "needs alphas"),
        ({"selection": "exhaustive"}, "--num_candidates=12 has no effect"),
        (
            {"algorithm": "darts", "num_candidates": 0, "score": "macs"},
            "--score=macs has no effect with --selection=alphas",
        ),
        (
            {
                "algorithm": "darts",
                "num_candidates": 0,
                "score": "macs",
                "selection": "perturbation",
            },
            "--score=macs is not defined",
        ),
        ({"order": "second"}, "--order=second is about alphas"),
        ({"max_parameters": 10}, "--max_parameters=10 cannot be kept"),
    ],
)
def test_what_cannot_be_done_is_refused(settings, said, tmp_path):
    config = small.make_config(**{**SETTINGS, **settings})
    with pytest.raises(ConfigError, match=said):
        make_search(config, tmp_path / "run", small.make_images(24))


def test_the_settings_of_a_training_have_no_part(tmp_path, capsys):
    run = tmp_path / "run"
    make(run, epochs=3, steps_per_epoch=2, score="macs").run()
    said = capsys.readouterr().out
    assert "--epochs has no part" in said
    assert "--steps_per_epoch has no part" in said
    assert SearchConfig().score == "auto"
