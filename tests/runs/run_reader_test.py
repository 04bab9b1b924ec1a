"""Tests of `maenas_tf.runs.run_reader`."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.runs import kinds, run_reader
from maenas_tf.searching.config import SearchConfig
from tests.runs import records, stored

DEFAULTS = SearchConfig.defaults()


@pytest.fixture
def runs(tmp_path):
    """A folder with two finished runs, one of them deeper."""
    folder = tmp_path / "runs"
    stored.store(folder / "a", records.record("a"))
    stored.store(folder / "more" / "b", records.record("b", seed=1))
    return folder


def test_what_was_written_is_read(runs):
    expected = records.record("a")
    found = run_reader.read_run(runs / "a", "a", DEFAULTS)
    assert found.name == expected.name
    assert found.settings == expected.settings
    assert found.genotype == expected.genotype
    assert found.rows == expected.rows
    assert found.summary["seconds_search"] == 7.0
    assert found.pictures == expected.pictures
    assert found.weights.keys() == {"cell"}
    np.testing.assert_array_equal(
        found.weights["cell"], expected.weights["cell"]
    )


def test_runs_are_found_below_directories_and_by_patterns(runs):
    for patterns in ([str(runs)], [f"{runs}/*"], [f"{runs}/a", f"{runs}/m*"]):
        found, problems = run_reader.read_runs(patterns, DEFAULTS)
        assert [record.name for record in found] == ["a", "b"]
        assert problems == {}
    # Named twice, read once.
    found, _ = run_reader.read_runs([str(runs), f"{runs}/a/"], DEFAULTS)
    assert len(found) == 2


def test_runs_of_one_name_are_told_apart_by_their_folders(runs):
    stored.store(runs / "more" / "a", records.record("a"))
    found, _ = run_reader.read_runs([str(runs)], DEFAULTS)
    assert {r.name for r in found} == {"runs/a", "more/a", "b"}


def test_the_name_of_a_run_is_no_longer_than_it_must_be(tmp_path):
    far = tmp_path / "x" / "deep" / "s"
    stored.store(far / "seed=0", records.record("a"))
    stored.store(tmp_path / "y" / "t" / "seed=0", records.record("b"))
    found, _ = run_reader.read_runs([str(tmp_path)], DEFAULTS)
    assert {r.name for r in found} == {"s/seed=0", "t/seed=0"}


def test_a_run_above_another_has_a_name_too(tmp_path):
    stored.store(tmp_path / "a", records.record("above"))
    stored.store(tmp_path / "a" / "a", records.record("below"))
    found, _ = run_reader.read_runs(
        [f"{tmp_path}/a", f"{tmp_path}/a/a"], DEFAULTS
    )
    assert {r.name for r in found} == {f"{tmp_path.name}/a", "a/a"}


def test_a_setting_older_than_it_is_takes_its_default(runs):
    file = runs / "a" / "config.json"
    settings = json.loads(file.read_text())
    del settings["mask_ratio"]
    file.write_text(json.dumps(settings))
    found = run_reader.read_run(runs / "a", "a", DEFAULTS)
    assert found.settings["mask_ratio"] == DEFAULTS["mask_ratio"]


def break_file(name, content=b"torn"):
    def apply(run):
        (run / name).write_bytes(content)

    return apply


def remove(name):
    def apply(run):
        (run / name).unlink()

    return apply


@pytest.mark.parametrize(
    ("apply", "why"),
    [
        (remove("summary.json"), "not finished: 3 of 3 epochs"),
        (remove("history.csv"), "no history.csv"),
        (remove("config.json"), "no config.json"),
        (break_file("config.json"), "config.json cannot be read"),
        (break_file("config.json", b"[]"), "config.json cannot be read"),
        (break_file("summary.json"), "summary.json cannot be read"),
        (break_file("history.csv", b""), "history.csv cannot be read"),
        (break_file("history.csv", b"\xff\xfe"), "history.csv cannot be"),
        (break_file("alphas.npz"), "alphas.npz cannot be read"),
        (break_file("genotype.json"), "genotype.json cannot be read"),
        (break_file("plots/reconstructions.png"), "it is no PNG"),
    ],
)
def test_a_broken_or_unfinished_run_is_listed_and_stops_nothing(
    runs, apply, why
):
    (runs / "a" / ".lock").touch()
    apply(runs / "a")
    found, problems = run_reader.read_runs([str(runs)], DEFAULTS)
    assert [record.name for record in found] == ["b"]
    assert why in problems["a"]


@pytest.mark.parametrize(
    "kind",
    ["training", "pretraining", "detection", "correlation", "consensus"],
)
def test_another_kind_of_run_is_named_and_stops_nothing(runs, kind):
    file = runs / "a" / "summary.json"
    summary = json.loads(file.read_text())
    # Of a search it has all else: the kind alone decides.
    file.write_text(json.dumps({**summary, "kind": kind}))
    found, problems = run_reader.read_runs([str(runs)], DEFAULTS)
    assert [record.name for record in found] == ["b"]
    assert problems == {"a": f"a {kind}, no search"}


@pytest.mark.parametrize(
    ("settings", "summary", "kind"),
    [
        ({"task": "mae"}, {}, "search"),
        ({"task": "mae"}, {"steps": 4}, "search"),
        ({"task": "mae", "genotype": "DARTS_V2"}, {}, "pretraining"),
        ({"epochs": 3}, {}, "training"),
        ({"epochs": 3, "annotations": "a.json"}, {}, "detection"),
        ({"tasks": "mae"}, {"steps": {}}, "correlation"),
        ({}, {"runs": {}}, "consensus"),
        ({"task": "mae"}, {"kind": "training"}, "training"),
    ],
)
def test_what_an_older_run_holds_tells_its_kind(settings, summary, kind):
    assert kinds.kind_of(settings, summary) == kind


def test_a_consensus_beside_searches_hides_none_of_them(runs):
    # Written into the directory above the searches that it is of.
    (runs / "summary.json").write_text('{"kind": "consensus"}')
    found, problems = run_reader.read_runs([str(runs)], DEFAULTS)
    assert [record.name for record in found] == ["a", "b"]
    assert problems == {"runs": "a consensus, no search"}


def test_alphas_of_another_shape_are_no_alphas_of_this_space(runs):
    np.savez(runs / "a" / "alphas.npz", weights_cell=np.ones((3, 2, 5)))
    _, problems = run_reader.read_runs([str(runs)], DEFAULTS)
    assert "(3, 2, 5)" in problems["a"]


def test_alphas_are_not_needed(runs):
    (runs / "a" / "alphas.npz").unlink()
    shutil.rmtree(runs / "a" / "plots")
    found = run_reader.read_run(runs / "a", "a", DEFAULTS)
    assert found.weights == found.pictures == {}


def test_nothing_there_is_an_error_that_names_the_flag(tmp_path):
    with pytest.raises(ConfigError, match="--runs=.*none fits no directory"):
        run_reader.read_runs([str(tmp_path / "none")], DEFAULTS)
    with pytest.raises(ConfigError, match="--runs=.* holds no run directory"):
        run_reader.read_runs([str(tmp_path)], DEFAULTS)


def test_a_setting_that_was_renamed_has_todays_name(runs):
    file = runs / "a" / "config.json"
    settings = json.loads(file.read_text())
    del settings["max_skips"]
    settings.update(algorithm="p_darts", stage_max_skips=3)
    file.write_text(json.dumps(settings))
    found = run_reader.read_run(runs / "a", "a", DEFAULTS).settings
    assert found["max_skips"] == 3
    assert "stage_max_skips" not in found


def test_a_mean_of_restarts_is_shown_by_the_last_one(runs):
    mean = records.record("mean", restarts=2)
    shown = mean.pictures
    assert shown
    stored.store(runs / "mean" / "restart_1", mean)
    stored.store(runs / "mean", dataclasses.replace(mean, pictures={}))
    found = run_reader.read_run(runs / "mean", "mean", DEFAULTS)
    assert found.pictures == shown
